/// A model run again and again, each time on what it gave the last time. ONNX's Loop.
///
/// Inputs: the most runs (int64, one element, optional), the condition to begin (bool, optional), the values that are
/// carried from run to run, then what the body reads besides. The body takes the number of the run, the condition and the
/// carried values, and gives the condition to go on, the carried values and, for each scan output, one value a run. Outputs:
/// the last carried values, then the scan outputs of all runs stacked along a new first axis.
public struct Loop: DynamicOperator {
    /// What runs.
    public let body: Model
    /// The number of carried values.
    public let carriedCount: Int

    public init(body: Model, carriedCount: Int) {
        self.body = body
        self.carriedCount = carriedCount
    }

    public var kind: String { "Loop" }

    private var scanCount: Int { body.outputs.count - 1 - carriedCount }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let count = body.inputs.count
        try inputs.expect(count: count...count)
        guard scanCount >= 0, count >= 2 + carriedCount else {
            throw .mismatch(
                rule:
                    "Loop's body must take the run's number, a condition and \(carriedCount) carried values, and give "
                    + "the last two", received: "\(count) inputs and \(body.outputs.count) outputs")
        }
        if inputs.optional(0) != nil { _ = try inputs.tensor(0, "number of runs") }
        if inputs.optional(1) != nil { try inputs.expectCondition(1, "condition") }
        var types: [ValueType] = []
        for index in 0..<carriedCount {
            guard let initial = inputs.optional(2 + index)?.type else {
                throw .mismatch(rule: "Loop's carried values must be given", received: "none at \(index)")
            }
            types.append(try initial.joined(with: body.outputs[1 + index].type, of: kind))
        }
        for output in body.outputs.dropFirst(1 + carriedCount) { types.append(try output.type.stacked(of: kind)) }
        return types
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        var limit = Int64.max
        if let most = inputs[0] {
            guard let number = try? most.tensor?.scalars(as: Int64.self).first else {
                throw .value(rule: "Loop's number of runs must be one int64", received: "\(most)")
            }
            limit = number
        }
        var goesOn =
            try inputs[1].map { (value) throws(ExecutionError) in try Optional(value).condition(of: kind) } ?? true
        var carried = inputs[2..<2 + carriedCount].compactMap { $0 }
        let captured = inputs.dropFirst(2 + carriedCount).compactMap { $0 }
        guard carried.count == carriedCount else {
            throw .value(rule: "Loop's carried values must be given", received: "\(carried.count) of \(carriedCount)")
        }
        var scans = (0..<scanCount).map { _ in ScanOutput() }
        var number: Int64 = 0
        while goesOn, number < limit {
            let results = try run.run(
                body, at: 0, on: [.scalar(number), .scalar(true)] + carried + captured)
            goesOn = try results.first.condition(of: kind)
            carried = Array(results[1...carriedCount])
            for index in scans.indices {
                try scans[index].append(results[1 + carriedCount + index], limit: run.memoryLimit)
            }
            number += 1
        }
        let types = body.outputs.dropFirst(1 + carriedCount).map(\.type)
        return try carried
            + zip(scans, types).map { (scan, type) throws(ExecutionError) in
                try scan.stacked(like: type, limit: run.memoryLimit)
            }
    }
}

/// The values that the runs of a body give for one output, to be stacked along an axis.
struct ScanOutput {
    private var tensors: [Tensor] = []
    private var byteCount = 0

    /// Adds the value of one run, of the shape and type of those before.
    mutating func append(_ value: Value, limit: Int) throws(ExecutionError) {
        guard let tensor = value.tensor,
            tensors.first.map({ $0.elementType == tensor.elementType && $0.shape == tensor.shape }) ?? true
        else {
            throw .value(
                rule: "a scan output must be tensors of one shape, run after run",
                received: value.tensor.map { "\($0.shape) after \(tensors.first?.shape ?? .scalar)" } ?? "no tensor")
        }
        byteCount += tensor.byteCount
        guard byteCount <= limit else { throw .memory(bytes: byteCount) }
        tensors.append(tensor)
    }

    /// All values along a new axis `axis`, the last first if `isReversed`. Of no values the shape follows from `type`.
    func stacked(
        like type: ValueType, axis: Int = 0, isReversed: Bool = false, limit: Int
    ) throws(ExecutionError) -> Value {
        let ordered = isReversed ? tensors.reversed() : tensors
        do throws(ShapeError) {
            guard let first = ordered.first else {
                let dimensions = type.dimensions?.map { $0.value ?? 0 } ?? []
                return .tensor(try Tensor(zeros: type.elementType ?? .float32, shape: [0] + dimensions))
            }
            let rank = first.shape.rank + 1
            let position = axis < 0 ? axis + rank : axis
            guard (0..<rank).contains(position) else {
                throw .mismatch(rule: "a scan axis must be one of \(rank) axes", received: "\(axis)")
            }
            var dimensions = first.shape.dimensions
            dimensions.insert(ordered.count, at: position)
            if first.elementType == .string {
                guard position == 0 else {
                    throw .mismatch(rule: "strings are stacked along the first axis", received: "\(axis)")
                }
                var strings: [String] = []
                for tensor in ordered { strings += try tensor.strings() }
                return .tensor(try Tensor(strings: strings, shape: dimensions))
            }
            guard first.elementType.bitWidth >= 8 else {
                throw .elementType(rule: "scan outputs must have elements of whole bytes", received: first.elementType)
            }
            let result = try Tensor(uninitialized: first.elementType, shape: Shape(dimensions))
            // outer × runs × inner
            let inner = first.shape.dimensions[position...].reduce(first.elementType.bitWidth / 8, *)
            let outer = first.shape.dimensions[..<position].reduce(1, *)
            for (index, tensor) in ordered.enumerated() {
                let source = try tensor.storage.make()
                for row in 0..<outer {
                    (result.storage.base + (row * ordered.count + index) * inner)
                        .copyMemory(from: source + row * inner, byteCount: inner)
                }
            }
            return .tensor(result)
        } catch {
            throw .plan(.shape(error))
        }
    }
}

extension Value {
    /// One number or truth value.
    static func scalar<Scalar: TensorScalar>(_ value: Scalar) throws(ExecutionError) -> Value {
        do throws(ShapeError) { return .tensor(try Tensor(scalar: value)) } catch { throw .plan(.shape(error)) }
    }
}

extension ValueType {
    /// Any number of values of this type along a new axis.
    func stacked(of kind: String, axis: Int = 0) throws(ShapeError) -> ValueType {
        guard case .tensor(let elementType, let dimensions) = self else {
            throw .mismatch(rule: "\(kind)'s scan outputs must be tensors", received: "\(self)")
        }
        guard var dimensions else { return self }
        let position = axis < 0 ? axis + dimensions.count + 1 : axis
        guard (0...dimensions.count).contains(position) else {
            throw .mismatch(
                rule: "\(kind)'s scan axis must be one of \(dimensions.count + 1) axes", received: "\(axis)")
        }
        dimensions.insert(.unknown, at: position)
        return .tensor(elementType, dimensions)
    }
}
