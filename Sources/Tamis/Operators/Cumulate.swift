import TamisKernels

/// The sum or product of the elements up to each along an axis. ONNX's CumSum and CumProd.
///
/// Inputs: x, and where the axis follows from other values, that as int32 or int64.
public struct Cumulate: DifferentiableOperator, Hashable {
    /// How the elements are joined.
    public enum Function: String, Sendable, CaseIterable {
        case sum = "CumSum"
        case product = "CumProd"
    }

    /// How the elements are joined.
    public let function: Function
    /// The axis, negative counting from the end; nil where it is the second input.
    public let axis: Int?
    /// Whether an element itself does not count, only those before it.
    public let isExclusive: Bool
    /// Whether the elements count from the end.
    public let isReversed: Bool

    public init(_ function: Function, axis: Int? = nil, isExclusive: Bool = false, isReversed: Bool = false) {
        self.function = function
        self.axis = axis
        self.isExclusive = isExclusive
        self.isReversed = isReversed
    }

    public var kind: String { function.rawValue }
    public var valueOperands: [Int] { [1] }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: axis == nil ? 2...2 : 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard elementType.isNumeric || elementType.isFloat else {
            throw .elementType(rule: "\(kind)'s x must be numbers", received: elementType)
        }
        if axis == nil {
            let axisType = try inputs.tensor(1, "axis", rank: 0...1).elementType
            guard axisType == .int64 || axisType == .int32 else {
                throw .elementType(rule: "\(kind)'s axis must be int32 or int64", received: axisType)
            }
        }
        if let dimensions { _ = try axis(rank: dimensions.count, inputs.optional(1)?.constant) }
        return [.tensor(elementType, dimensions)]
    }

    /// The axis of a tensor of `rank` axes, given the one that came as an input; nil where it is not known.
    func axis(rank: Int, _ given: Tensor?) throws(ShapeError) -> Int? {
        let named = try given?.wholeNumber(of: "\(kind)'s axis")
        guard let axis = axis ?? named else { return nil }
        return try Slices.checkedAxis(axis, rank: rank, of: kind)
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let slices = try Slices(
            x.shape,
            axis: context.axis(1) { (rank, given) throws(ShapeError) in
                try axis(rank: rank, given)
            })
        let loops = CumulateLoops(operation: self, slices: slices)
        guard let run = x.elementType.visit(loops) else {
            throw .unsupported(operator: kind, rule: "it computes with numbers", received: x.elementType.rawValue)
        }
        var prepared = Prepared("running \(function)", stages: [slices.stage(body: run)])
        prepared.unreadInputs = [1]
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let axis = try? axis(rank: order.rank, nil) else { return nil }
        return PermutedOperator(
            operation: Cumulate(
                function, axis: order.order[axis], isExclusive: isExclusive, isReversed: isReversed),
            inputs: [order], outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        guard wanted[0], let dy = outputs[0] else { return gradients }
        let axes = Array(node.inputs.dropFirst())
        switch function {
        case .sum:
            // An element counts in the sums from its own place on.
            let back = Cumulate(.sum, axis: axis, isExclusive: isExclusive, isReversed: !isReversed)
            gradients[0] = try graph.append(back, [dy] + axes, name: "\(node.name)/gradient")[0]
        case .product:
            gradients[0] = try graph.append(
                CumulativeProductGradient(self), [node.inputs[0], dy] + axes, name: "\(node.name)/gradient")[0]
        }
        return gradients
    }
}

/// The loops of a running sum or product.
private struct CumulateLoops: NumericVisitor {
    let operation: Cumulate
    let slices: Slices

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> @Sendable (borrowing Bindings, Range<Int>) -> Void {
        let (count, inner) = (slices.count, slices.inner)
        let (isExclusive, isReversed) = (operation.isExclusive, operation.isReversed)
        let isSum = operation.function == .sum
        return { [slices] bindings, range in
            let x = bindings.input(0).assumingMemoryBound(to: Scalar.self)
            let y = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            for slice in range {
                let start = slices.start(of: slice, count: count)
                var total = Scalar(wrapping: isSum ? 0 : 1)
                for step in 0..<count {
                    let place = start + (isReversed ? count - 1 - step : step) * inner
                    let next = isSum ? Scalar.sum(total, x[place]) : Scalar.product(total, x[place])
                    y[place] = isExclusive ? total : next
                    total = next
                }
            }
        }
    }
}

/// The gradient of a running product with respect to x, from x and dy: for each element the products that it is in,
/// without it, so that zeros do no harm.
public struct CumulativeProductGradient: Operator, Hashable {
    /// What it is the gradient of.
    public let operation: Cumulate

    init(_ operation: Cumulate) { self.operation = operation }

    public var kind: String { "CumProdGradient" }
    public var valueOperands: [Int] { [2] }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let y = try operation.outputTypes(for: Operands([inputs.all[0]] + inputs.all.dropFirst(2), operatorName: kind))
        try inputs.expect(y[0], of: 1, "dy")
        return y
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let slices = try Slices(
            x.shape,
            axis: context.axis(2) { (rank, given) throws(ShapeError) in
                try operation.axis(rank: rank, given)
            })
        let loops = CumulativeProductGradientLoops(operation: operation, slices: slices)
        guard let run = x.elementType.visit(loops) else {
            throw .unsupported(operator: kind, rule: "it computes with numbers", received: x.elementType.rawValue)
        }
        var prepared = Prepared(
            "element by element", stages: [slices.stage(slowness: 30 * Double(slices.count), body: run)])
        prepared.unreadInputs = [2]
        return prepared
    }
}

private struct CumulativeProductGradientLoops: NumericVisitor {
    let operation: Cumulate
    let slices: Slices

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> @Sendable (borrowing Bindings, Range<Int>) -> Void {
        let (count, inner) = (slices.count, slices.inner)
        let (isExclusive, isReversed) = (operation.isExclusive, operation.isReversed)
        return { [slices] bindings, range in
            let x = bindings.input(0).assumingMemoryBound(to: Scalar.self)
            let dy = bindings.input(1).assumingMemoryBound(to: Scalar.self)
            let dx = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            for slice in range {
                let start = slices.start(of: slice, count: count)
                func place(_ step: Int) -> Int { start + (isReversed ? count - 1 - step : step) * inner }
                var before = 1.0
                for step in 0..<count {
                    var (others, total) = (before, isExclusive ? 0 : before * dy[place(step)].double)
                    for later in (step + 1)..<max(step + 1, count) {
                        if isExclusive { total += others * dy[place(later)].double }
                        others *= x[place(later)].double
                        if !isExclusive { total += others * dy[place(later)].double }
                    }
                    dx[place(step)] = Scalar(nearest: total)
                    before *= x[place(step)].double
                }
            }
        }
    }
}

extension Preparation {
    /// The axis of the first input that an operator finds in the constant at `index`.
    func axis(
        _ index: Int, _ find: (_ rank: Int, _ given: Tamis.Tensor?) throws(ShapeError) -> Int?
    ) throws(PlanError) -> Int {
        let rank = try input(0).shape.rank
        let axis: Int?
        do throws(ShapeError) { axis = try find(rank, constant(index)) } catch { throw .shape(error) }
        guard let axis else {
            throw .unsupported(operator: "axis", rule: "it must be known when a plan is made", received: "none")
        }
        return axis
    }
}

extension Tensor {
    /// The only element of a tensor of int32 or int64.
    func wholeNumber(of role: String) throws(ShapeError) -> Int {
        let values =
            elementType == .int32
            ? try scalars(as: Int32.self).map { Int($0) } : try scalars(as: Int64.self).map { Int($0) }
        guard let value = values.first, values.count == 1 else {
            throw .mismatch(rule: "\(role) must be one number", received: "\(values.count)")
        }
        return value
    }
}
