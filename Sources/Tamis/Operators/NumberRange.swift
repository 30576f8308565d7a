import TamisKernels

/// The numbers from a start in steps up to, but not including, a limit. ONNX's Range.
///
/// Inputs: start, limit and step, one number each, of one type. Floats are start + i · step, rounded once.
public struct NumberRange: Operator, Hashable {
    public init() {}

    public var kind: String { "Range" }
    public var valueOperands: [Int] { [0, 1, 2] }

    private static let roles = ["start", "limit", "delta"]

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        let elementType = try inputs.tensor(0, "start").elementType
        guard elementType.isNumeric || elementType == .bfloat16 else {
            throw .elementType(rule: "Range's start must be a number", received: elementType)
        }
        var values: [Tensor] = []
        for (index, role) in Self.roles.enumerated() {
            try inputs.expect(elementType, of: index, role)
            for dimension in try inputs.tensor(index, role, rank: 0...1).dimensions ?? [] {
                try inputs.expect(dimension, equals: 1, "number of \(role)s")
            }
            if let value = inputs.optional(index)?.constant { values.append(value) }
        }
        guard values.count == 3 else { return [.tensor(elementType, [.unknown])] }
        return [.tensor(elementType, [.fixed(try count(elementType, values))])]
    }

    private func count(_ elementType: ElementType, _ values: [Tensor]) throws(ShapeError) -> Int {
        let count: Double
        if elementType.isInteger {
            // Exact for 64 bits, too: the distance and the step as magnitudes.
            let (start, limit, delta) = (try values[0].wide(), try values[1].wide(), try values[2].wide())
            guard delta != 0 else { throw .mismatch(rule: "Range's delta must not be 0", received: "0") }
            guard delta > 0 ? start < limit : start > limit else { return 0 }
            let distance = delta > 0 ? limit - start : start - limit
            let steps = (distance + abs(delta) - 1) / abs(delta)
            guard steps <= Int128(Shape.largest) else { throw .tooManyElements([Int(clamping: steps)]) }
            return Int(steps)
        }
        let (start, limit, delta) = (try values[0].real(), try values[1].real(), try values[2].real())
        count = ((limit - start) / delta).rounded(.up)
        guard delta != 0, !count.isNaN else {
            throw .mismatch(rule: "Range's delta must not be 0", received: "\(start), \(limit), \(delta)")
        }
        guard count <= Double(Shape.largest) else { throw .tooManyElements([Shape.largest]) }
        return max(0, Int(count))
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        guard let start = context.constant(0), let delta = context.constant(2) else {
            throw .unsupported(operator: kind, rule: "its inputs must be known when a plan is made", received: "inputs")
        }
        let count = context.outputs[0].shape.elementCount
        let elementType = start.elementType
        let prepared = try context.shaped { () throws(ShapeError) -> Prepared? in
            if elementType.isInteger {
                let (start, delta) = (try start.wide(), try delta.wide())
                return elementType.visit(
                    Steps(
                        count: count, start: Int64(truncatingIfNeeded: start), delta: Int64(truncatingIfNeeded: delta)))
            }
            let (start, delta) = (try start.real(), try delta.real())
            if elementType == .bfloat16 {
                return .elementwise("steps", count: count, bytesPerElement: 2) { bindings, first, count in
                    let y = bindings.output(0).assumingMemoryBound(to: BFloat16.self)
                    for index in first..<first + count { y[index] = BFloat16(Float(start + Double(index) * delta)) }
                }
            }
            return elementType.visit(RealSteps(count: count, start: start, delta: delta))
        }
        guard var prepared else {
            throw .unsupported(operator: kind, rule: "it counts numbers", received: elementType.rawValue)
        }
        prepared.unreadInputs = [0, 1, 2]
        return prepared
    }
}

/// start + i · delta in whole numbers.
private struct Steps: NumericVisitor {
    let count: Int
    let start: Int64
    let delta: Int64

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared {
        let (start, delta) = (start, delta)
        return .elementwise("steps", count: count, bytesPerElement: MemoryLayout<Scalar>.size) {
            bindings, first, count in
            let y = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            for index in first..<first + count { y[index] = Scalar(wrapping: start &+ Int64(index) &* delta) }
        }
    }
}

/// start + i · delta in Double.
private struct RealSteps: NumericVisitor {
    let count: Int
    let start: Double
    let delta: Double

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared {
        let (start, delta) = (start, delta)
        return .elementwise("steps", count: count, bytesPerElement: MemoryLayout<Scalar>.size) {
            bindings, first, count in
            let y = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            for index in first..<first + count { y[index] = Scalar(nearest: start + Double(index) * delta) }
        }
    }
}

extension Tensor {
    /// The one element of a tensor of integers.
    fileprivate func wide() throws(ShapeError) -> Int128 {
        guard elementType == .uint64 else { return Int128(try integer()) }
        return Int128(try scalars(as: UInt64.self).first ?? 0)
    }

    private func integer() throws(ShapeError) -> Int64 {
        // Integers of up to 32 bits are whole doubles.
        elementType == .int64 ? try scalars(as: Int64.self).first ?? 0 : Int64(try doubles().first ?? 0)
    }

    /// The one element of a tensor of floats.
    fileprivate func real() throws(ShapeError) -> Double {
        elementType == .bfloat16 ? Double(try scalars(as: BFloat16.self).first?.float ?? 0) : try doubles().first ?? 0
    }
}
