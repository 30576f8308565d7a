/// A model run on each slice of its scan inputs, carrying values from slice to slice. ONNX's Scan.
///
/// Inputs: the values carried, the scan inputs (cut along an axis each, all of one extent), then what the body reads besides.
/// The body takes the carried values and one slice of each scan input and gives the carried values and a value for each scan
/// output. Outputs: the last carried values, then the scan outputs stacked along a new axis each.
public struct Scan: DynamicOperator {
    /// How one scan input is cut, or one scan output put together.
    public struct Direction: Hashable, Sendable {
        /// The axis along which it runs; negative counts from the end.
        public var axis: Int
        /// Whether it runs from the end.
        public var isReversed: Bool

        public init(axis: Int = 0, isReversed: Bool = false) {
            self.axis = axis
            self.isReversed = isReversed
        }
    }

    /// What runs.
    public let body: Model
    /// One for each scan input.
    public let inputDirections: [Direction]
    /// One for each scan output.
    public let outputDirections: [Direction]
    /// The number of carried values.
    public let carriedCount: Int

    public init(body: Model, carriedCount: Int, inputDirections: [Direction], outputDirections: [Direction]) {
        self.body = body
        self.carriedCount = carriedCount
        self.inputDirections = inputDirections
        self.outputDirections = outputDirections
    }

    public var kind: String { "Scan" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let count = body.inputs.count
        try inputs.expect(count: count...count)
        guard count >= carriedCount + inputDirections.count, !inputDirections.isEmpty,
            body.outputs.count == carriedCount + outputDirections.count
        else {
            throw .mismatch(
                rule:
                    "Scan's body must take \(carriedCount) carried values and \(inputDirections.count) slices, and give "
                    + "\(carriedCount) and \(outputDirections.count) values",
                received: "\(count) inputs and \(body.outputs.count) outputs")
        }
        var types: [ValueType] = []
        for index in 0..<carriedCount {
            guard let initial = inputs.optional(index)?.type else {
                throw .mismatch(rule: "Scan's carried values must be given", received: "none at \(index)")
            }
            types.append(try initial.joined(with: body.outputs[index].type, of: kind))
        }
        for (output, direction) in zip(body.outputs.dropFirst(carriedCount), outputDirections) {
            types.append(try output.type.stacked(of: kind, axis: direction.axis))
        }
        return types
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        let given = inputs.compactMap { $0 }
        guard given.count == inputs.count, inputs.count >= carriedCount + inputDirections.count else {
            throw .value(rule: "Scan's inputs must all be given", received: "\(given.count) of \(inputs.count)")
        }
        var carried = Array(given[..<carriedCount])
        let captured = given.dropFirst(carriedCount + inputDirections.count)
        var slices: [[Tensor]] = []
        for (value, direction) in zip(given.dropFirst(carriedCount), inputDirections) {
            slices.append(try Self.slices(of: value, direction))
        }
        let count = slices[0].count
        guard slices.allSatisfy({ $0.count == count }) else {
            throw .value(
                rule: "Scan's inputs must have one extent along their scan axes", received: "\(slices.map(\.count))")
        }
        var scans = outputDirections.map { _ in ScanOutput() }
        for step in 0..<count {
            let results = try run.run(body, at: 0, on: carried + slices.map { .tensor($0[step]) } + captured)
            carried = Array(results[..<carriedCount])
            for index in scans.indices {
                try scans[index].append(results[carriedCount + index], limit: run.memoryLimit)
            }
        }
        var outputs = carried
        for (index, direction) in outputDirections.enumerated() {
            outputs.append(
                try scans[index].stacked(
                    like: body.outputs[carriedCount + index].type, axis: direction.axis,
                    isReversed: direction.isReversed, limit: run.memoryLimit))
        }
        return outputs
    }

    private static func slices(of value: Value, _ direction: Direction) throws(ExecutionError) -> [Tensor] {
        guard let tensor = value.tensor, tensor.shape.rank > 0 else {
            throw .value(rule: "Scan's inputs must be tensors with a scan axis", received: "\(value)")
        }
        let rank = tensor.shape.rank
        let axis = direction.axis < 0 ? direction.axis + rank : direction.axis
        guard (0..<rank).contains(axis) else {
            throw .value(rule: "a scan axis must be one of \(rank) axes", received: "\(direction.axis)")
        }
        do throws(ShapeError) {
            let order = [axis] + (0..<rank).filter { $0 != axis }
            let moved = try tensor.permuted(by: Permutation(order))
            let shape = Array(moved.shape.dimensions.dropFirst())
            var slices: [Tensor] = []
            for step in 0..<tensor.shape[axis] {
                slices.append(try moved.slice(step..<step + 1).reshaped(to: shape))
            }
            return direction.isReversed ? slices.reversed() : slices
        } catch {
            throw .plan(.shape(error))
        }
    }
}
