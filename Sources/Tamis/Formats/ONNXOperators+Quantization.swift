extension ONNXOperators {
    /// Whole numbers that stand for floats.
    static let quantization: [ONNXOperator] = []
}
