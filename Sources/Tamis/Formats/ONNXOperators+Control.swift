extension ONNXOperators {
    /// Operators that hold graphs of their own.
    static let control: [ONNXOperator] = []
}
