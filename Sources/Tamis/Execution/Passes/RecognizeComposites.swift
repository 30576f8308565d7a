/// Makes one operator of the several that exporters write for a function which their version of ONNX has not: activations,
/// layer normalisation, softmax.
///
/// Numbers in a file are rounded, to 16 bits at worst, so a constant is recognised by its first three digits.
public struct RecognizeComposites: Pass {
    public init() {}

    public var name: String { "recognise composites" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        // The gradients of a training step read what lies within.
        guard model.graph.updates.isEmpty else { return model }
        let terms = Terms(model)
        var rewriter = Rewriter(model)
        let recognized = try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let y = node.outputs.first, let found = Self.composite(at: y, terms),
                // No constant within has stretched x.
                model.graph.values[found.x].type == model.graph.values[y].type
            else { return false }
            var inputs = [rewriter.copy(found.x)]
            for (id, rank) in found.constants {
                guard let tensor = model.constant(id) else { return false }
                let extents = Array(tensor.shape.dimensions.suffix(rank))
                inputs.append(
                    extents.count == tensor.shape.rank
                        ? rewriter.copy(id)
                        : rewriter.graph.parameter(model.graph.values[id].name, try tensor.reshaped(to: extents)))
            }
            rewriter.replace(y, by: try rewriter.graph.append(found.operation, inputs, name: node.name)[0])
            return true
        }
        return try DropUnread()(recognized)
    }

    /// One operator in the place of several: what it reads, and constants of which it reads the last axes.
    private struct Composite {
        var operation: any Operator
        var x: Graph.ValueID
        var constants: [(id: Graph.ValueID, rank: Int)] = []
    }

    /// The operator that computes a value, where several do.
    private static func composite(at y: Graph.ValueID, _ terms: Terms) -> Composite? {
        if let (activation, x) = activation(at: y, terms) { return Composite(operation: Activate(activation), x: x) }
        if let (x, axis) = softmax(at: y, terms) { return Composite(operation: Softmax(axis: axis), x: x) }
        return layerNormalization(at: y, terms)
    }

    // MARK: Activations

    private static func activation(at y: Graph.ValueID, _ terms: Terms) -> (Activation, Graph.ValueID)? {
        let (scale, factors) = terms.product(y)
        if factors.count == 1, scale != 1 {
            // min(max(x + 3, 0), 6) / 6
            return scale.isAbout(1 / 6.0) ? terms.clippedSum(factors[0]).map { (.hardSigmoid, $0) } : nil
        }
        guard factors.count == 2 else { return clip(at: y, terms) }
        for (x, gate) in [(factors[0], factors[1]), (factors[1], factors[0])] {
            if let found = gated(x, by: gate, scale, terms) { return (found, x) }
        }
        return nil
    }

    /// The activation that is scale · x · gate.
    private static func gated(
        _ x: Graph.ValueID, by gate: Graph.ValueID, _ scale: Double, _ terms: Terms
    ) -> Activation? {
        if scale.isAbout(1 / 6.0) { return terms.clippedSum(gate) == x ? .hardSilu : nil }
        if scale.isAbout(1) {
            switch terms.activation(gate) {
            case (.sigmoid, let argument)?:
                // x · sigmoid(alpha · x)
                let (alpha, factors) = terms.product(argument)
                return factors == [x] ? .silu(alpha) : nil
            case (.hardSigmoid, x)?: return .hardSilu
            case (.tanh, let argument)?:
                return terms.activation(argument).map { $0 == (.softplus, x) } ?? false ? .mish : nil
            default: return nil
            }
        }
        // x / 2 · (1 + f(…))
        let (one, rest) = terms.sum(gate)
        guard scale.isAbout(0.5), one.isAbout(1), rest.count == 1 else { return nil }
        if let argument = terms.unary(.errorFunction, rest[0]) {
            let (alpha, factors) = terms.product(argument)
            return factors == [x] && alpha.isAbout(0.5.squareRoot()) ? .gelu : nil
        }
        guard case (.tanh, let argument)? = terms.activation(rest[0]) else { return nil }
        return terms.isCubic(argument, of: x) ? .geluTanh : nil
    }

    /// min(max(x, low), high), max(x, alpha · x), and x where it is positive, alpha · x elsewhere.
    private static func clip(at y: Graph.ValueID, _ terms: Terms) -> (Activation, Graph.ValueID)? {
        if let (x, slope) = terms.arithmetic(.prelu, y) { return terms.scalar(slope).map { (.leakyRelu($0), x) } }
        if let (a, b) = terms.arithmetic(.maximum, y), terms.scalar(a) == nil, terms.scalar(b) == nil {
            for (x, scaled) in [(a, b), (b, a)] {
                let (alpha, factors) = terms.product(scaled)
                if factors == [x], (0...1).contains(alpha) { return (.leakyRelu(alpha), x) }
            }
            return nil
        }
        guard terms.activation(y) == nil else { return nil }
        let (x, low, high) = terms.bounds(y)
        guard x != y, low <= high else { return nil }
        return low == 0 && high == .infinity ? (.relu, x) : (.clip(low, high), x)
    }

    // MARK: Over axes

    /// eˣ / Σ eˣ, x perhaps less its largest element.
    private static func softmax(at y: Graph.ValueID, _ terms: Terms) -> (x: Graph.ValueID, axis: Int)? {
        guard let (exponentials, total) = terms.arithmetic(.divide, y), let (summed, axis) = terms.reduced(.sum, total),
            summed == exponentials, let argument = terms.unary(.exponential, exponentials)
        else { return nil }
        if let (x, largest) = terms.arithmetic(.subtract, argument), let (of, along) = terms.reduced(.largest, largest),
            of == x, along == axis
        {
            return (x, axis)
        }
        return (argument, axis)
    }

    /// (x − mean) / √(mean of (x − mean)² + epsilon) · scale + bias over the last axes; scale and bias are learned.
    private static func layerNormalization(at y: Graph.ValueID, _ terms: Terms) -> Composite? {
        guard let (a, b) = terms.arithmetic(.add, y) else { return nil }
        for (scaled, bias) in [(a, b), (b, a)] where terms.isConstant(bias) {
            guard let (c, d) = terms.arithmetic(.multiply, scaled) else { continue }
            for (normalized, scale) in [(c, d), (d, c)] where terms.isConstant(scale) {
                guard let (centered, deviation) = terms.arithmetic(.divide, normalized),
                    let variance = terms.squareRoot(deviation),
                    let (x, mean) = terms.arithmetic(.subtract, centered),
                    let (averaged, first) = terms.reducedFromEnd(.mean, mean), averaged == x
                else { continue }
                let (epsilon, rest) = terms.sum(variance)
                guard rest.count == 1, epsilon > 0,
                    let (squares, second) = terms.reducedFromEnd(.mean, rest[0]), second == first,
                    let squared = terms.power(2, squares),
                    squared == centered || terms.arithmetic(.subtract, squared).map({ $0 == (x, mean) }) ?? false,
                    terms.isOfLastAxes(scale, -first), terms.isOfLastAxes(bias, -first)
                else { continue }
                return Composite(
                    operation: Normalize(.layer(axis: first), epsilon: epsilon), x: x,
                    constants: [(scale, -first), (bias, -first)])
            }
        }
        return nil
    }
}

extension Double {
    /// Whether the number is another one, rounded to 16 bits or by hand.
    fileprivate func isAbout(_ other: Double) -> Bool { abs(self - other) <= 1e-3 * abs(other) }
}

/// Reads the nodes of a model backwards from a value: what it is a sum, a product or a function of.
private struct Terms {
    private let model: Model

    init(_ model: Model) { self.model = model }

    private func producer(_ id: Graph.ValueID) -> Graph.Node? {
        model.graph.values[id].node.map { model.graph.nodes[$0] }
    }

    /// Whether a constant differs along no axes but the last so many.
    func isOfLastAxes(_ id: Graph.ValueID, _ count: Int) -> Bool {
        model.constant(id)?.shape.dimensions.dropLast(count).allSatisfy { $0 == 1 } ?? false
    }

    /// Whether a value is the same in each run.
    func isConstant(_ id: Graph.ValueID) -> Bool { model.constant(id) != nil }

    /// A constant of one element.
    func scalar(_ id: Graph.ValueID) -> Double? {
        guard let tensor = model.constant(id), tensor.shape.elementCount == 1, tensor.elementType.isComputable else {
            return nil
        }
        return (try? tensor.doubles())?.first
    }

    /// The operands, where the value is an arithmetic function of two.
    func arithmetic(_ function: Arithmetic.Function, _ id: Graph.ValueID) -> (Graph.ValueID, Graph.ValueID)? {
        guard let node = producer(id), (node.operation as? Arithmetic)?.function == function,
            let a = node.inputs[0], let b = node.inputs[1]
        else { return nil }
        return (a, b)
    }

    /// The argument, where the value is a function of one.
    func unary(_ function: Unary.Function, _ id: Graph.ValueID) -> Graph.ValueID? {
        guard let node = producer(id), (node.operation as? Unary)?.function == function else { return nil }
        return node.inputs[0]
    }

    /// The function and its argument, where the value is an activation.
    func activation(_ id: Graph.ValueID) -> (Activation, Graph.ValueID)? {
        guard let node = producer(id), let activate = node.operation as? Activate, let x = node.inputs[0] else {
            return nil
        }
        return (activate.activation, x)
    }

    /// √x as a square root or a power.
    func squareRoot(_ id: Graph.ValueID) -> Graph.ValueID? { unary(.squareRoot, id) ?? power(0.5, id) }

    /// x, where the value is xⁿ.
    func power(_ exponent: Double, _ id: Graph.ValueID) -> Graph.ValueID? {
        if let (base, power) = arithmetic(.power, id) { return scalar(power) == exponent ? base : nil }
        guard let (a, b) = arithmetic(.multiply, id) else { return nil }
        if exponent == 2 { return a == b ? a : nil }
        guard exponent == 3 else { return nil }
        return power(2, a) == b ? b : power(2, b) == a ? a : nil
    }

    /// So far products of products, and sums of sums, are looked into: no composite goes deeper.
    private static let depth = 4

    /// A number and the values it is multiplied by, through products of products.
    func product(_ id: Graph.ValueID, depth: Int = depth) -> (scale: Double, factors: [Graph.ValueID]) {
        if depth == 0 { return (1, [id]) }
        if let value = scalar(id) { return (value, []) }
        if power(2, id) != nil || power(3, id) != nil { return (1, [id]) }
        if let (a, b) = arithmetic(.multiply, id) {
            let (left, right) = (product(a, depth: depth - 1), product(b, depth: depth - 1))
            return (left.scale * right.scale, left.factors + right.factors)
        }
        if let (a, b) = arithmetic(.divide, id), let divisor = scalar(b) {
            let left = product(a, depth: depth - 1)
            return (left.scale / divisor, left.factors)
        }
        return (1, [id])
    }

    /// A number and the values it is added to, through sums of sums.
    func sum(_ id: Graph.ValueID, depth: Int = depth) -> (shift: Double, terms: [Graph.ValueID]) {
        if let value = scalar(id) { return (value, []) }
        guard depth > 0, let (a, b) = arithmetic(.add, id) else { return (0, [id]) }
        let (left, right) = (sum(a, depth: depth - 1), sum(b, depth: depth - 1))
        return (left.shift + right.shift, left.terms + right.terms)
    }

    /// A value and its bounds, where it is the larger or smaller of another and a number, or an activation like that.
    func bounds(_ id: Graph.ValueID, depth: Int = depth) -> (x: Graph.ValueID, low: Double, high: Double) {
        if let (activation, x) = activation(id) {
            switch activation.function {
            case .relu: return (x, 0, .infinity)
            case .clip: return (x, activation.alpha, activation.beta)
            default: break
            }
        }
        if let node = producer(id), node.operation is Clip, let x = node.inputs[0],
            model.graph.values[x].type.elementType?.isComputable == true
        {
            let limits = (1...2).map { $0 < node.inputs.count ? node.inputs[$0] : nil }
            let values = limits.map { $0.flatMap(scalar) }
            guard zip(limits, values).allSatisfy({ ($0 == nil) == ($1 == nil) }) else {
                return (id, -.infinity, .infinity)
            }
            return (x, values[0] ?? -.infinity, values[1] ?? .infinity)
        }
        for isLow in [true, false] where depth > 0 {
            guard let (a, b) = arithmetic(isLow ? .maximum : .minimum, id) else { continue }
            guard let bound = scalar(a) ?? scalar(b) else { continue }
            let (x, low, high) = bounds(scalar(a) == nil ? a : b, depth: depth - 1)
            return isLow ? (x, max(low, bound), max(high, bound)) : (x, min(low, bound), min(high, bound))
        }
        return (id, -.infinity, .infinity)
    }

    /// x, where the value is min(max(x + 3, 0), 6).
    func clippedSum(_ id: Graph.ValueID) -> Graph.ValueID? {
        let (inner, low, high) = bounds(id)
        let (three, x) = sum(inner)
        return low == 0 && high.isAbout(6) && three.isAbout(3) && x.count == 1 ? x[0] : nil
    }

    /// Whether a value is √(2/π) · (x + 0.044715 · x³), or √(2/π) · x · (1 + 0.044715 · x²).
    func isCubic(_ id: Graph.ValueID, of x: Graph.ValueID) -> Bool {
        let (scale, factors) = product(id)
        guard scale.isAbout((2 / Double.pi).squareRoot()) else { return false }
        func isPower(_ exponent: Double, _ term: Graph.ValueID) -> Bool {
            let (small, powers) = product(term)
            guard small.isAbout(0.044715) else { return false }
            return powers.count == 1
                ? power(exponent, powers[0]) == x : powers == Array(repeating: x, count: Int(exponent))
        }
        if factors.count == 1 {
            let (nothing, terms) = sum(factors[0])
            guard nothing == 0, terms.count == 2 else { return false }
            return (terms[0] == x && isPower(3, terms[1])) || (terms[1] == x && isPower(3, terms[0]))
        }
        guard factors.count == 2, factors.contains(x) else { return false }
        let (one, terms) = sum(factors[factors[0] == x ? 1 : 0])
        return one.isAbout(1) && terms.count == 1 && isPower(2, terms[0])
    }

    /// What is reduced, and its axis, where the value is a reduction over one axis that stays.
    func reduced(_ function: Reduce.Function, _ id: Graph.ValueID) -> (x: Graph.ValueID, axis: Int)? {
        guard let (x, axes) = reduction(function, id), axes.count == 1 else { return nil }
        return (x, axes[0])
    }

    /// What is reduced, and the first axis from the end, where the value is a reduction over all axes from that one on.
    func reducedFromEnd(_ function: Reduce.Function, _ id: Graph.ValueID) -> (x: Graph.ValueID, first: Int)? {
        guard let (x, axes) = reduction(function, id), let rank = model.graph.values[x].type.dimensions?.count,
            !axes.isEmpty, axes.sorted() == Array(rank - axes.count..<rank)
        else { return nil }
        return (x, -axes.count)
    }

    private func reduction(_ function: Reduce.Function, _ id: Graph.ValueID) -> (x: Graph.ValueID, axes: [Int])? {
        guard let node = producer(id), let reduce = node.operation as? Reduce, reduce.function == function,
            reduce.keepsDimensions, node.inputs.count == 1, let x = node.inputs[0],
            let rank = model.graph.values[x].type.dimensions?.count
        else { return nil }
        return (x, reduce.axes.map { $0 < 0 ? $0 + rank : $0 })
    }
}
