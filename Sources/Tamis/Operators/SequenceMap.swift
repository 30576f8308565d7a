/// What a model gives for each value of a sequence, as sequences. ONNX's SequenceMap.
///
/// Inputs: a sequence; others of its length, or tensors that are the same each time; then what the body reads besides.
/// Outputs: a sequence for each output of the body.
public struct SequenceMap: DynamicOperator {
    /// What runs.
    public let body: Model
    /// The number of inputs before those that the body reads besides.
    public let inputCount: Int

    public init(body: Model, inputCount: Int) {
        self.body = body
        self.inputCount = inputCount
    }

    public var kind: String { "SequenceMap" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: body.inputs.count...body.inputs.count)
        _ = try inputs.sequence(0)
        return body.outputs.map { .sequence($0.type) }
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        let count = try inputs.sequence(0, of: kind).count
        var results = [[Value]](repeating: [], count: body.outputs.count)
        for index in 0..<count {
            var given: [Value] = []
            for (position, input) in inputs.enumerated() {
                guard case .sequence(let values)? = input, !isWhole(position) else {
                    if let input { given.append(input) }
                    continue
                }
                guard values.count == count else {
                    throw .value(
                        rule: "\(kind)'s sequences must be of one length, \(count)", received: "\(values.count)")
                }
                given.append(values[index])
            }
            for (output, value) in try run.run(body, at: 0, on: given).enumerated() { results[output].append(value) }
        }
        return results.map(Value.sequence)
    }

    /// Whether the body takes the input at `position` as a sequence.
    private func isWhole(_ position: Int) -> Bool {
        if case .sequence = body.inputs[position].type { true } else { false }
    }
}
