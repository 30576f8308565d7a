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
        _ = try dimensions.map { (dimensions) throws(ShapeError) in try axis(inputs, rank: dimensions.count) }
        return [.tensor(elementType, dimensions)]
    }

    /// The axis of a tensor of `rank` axes, which may be the input at `index`; nil where it is not known.
    func axis(_ inputs: Operands, at index: Int = 1, rank: Int) throws(ShapeError) -> Int? {
        guard let named = try inputs.integers(index, "axis", unless: axis.map { [$0] }) else { return nil }
        guard let only = named.first, named.count == 1 else {
            throw .mismatch(rule: "\(kind)'s axis must be one number", received: "\(named)")
        }
        return try inputs.axis(only, rank: rank)
    }

    /// Slices of the first input along the axis, which may be the input at `index`.
    func slices(_ context: Preparation, at index: Int = 1) throws(PlanError) -> Slices {
        let shape = try context.input(0).shape
        let axis: Int?
        do throws(ShapeError) {
            axis = try self.axis(context.operands, at: index, rank: shape.rank)
        } catch {
            throw .shape(error)
        }
        guard let axis else {
            throw .unsupported(operator: kind, rule: "its axis must be known when a plan is made", received: "none")
        }
        return Slices(shape, axis: axis)
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard axis == nil, let named = try inputs.integers(1, "axis"), named.count == 1 else { return nil }
        return Cumulate(function, axis: named[0], isExclusive: isExclusive, isReversed: isReversed)
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let slices = try slices(context)
        let loops = CumulateLoops(operation: self, slices: slices)
        guard let run = x.elementType.visit(loops) else {
            throw .unsupported(operator: kind, rule: "it computes with numbers", received: x.elementType.rawValue)
        }
        var prepared = Prepared("running \(function)", stages: [slices.stage(body: run)])
        prepared.unreadInputs = [1]
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard inputs.count == 1, let axis = try? axis(inputs, rank: order.rank) else { return nil }
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
        let slices = try operation.slices(context, at: 2)
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
