extension ONNXOperators {
    /// Recurrent layers: what was seen before goes into the next step.
    static let recurrent: [ONNXOperator] = []
}
