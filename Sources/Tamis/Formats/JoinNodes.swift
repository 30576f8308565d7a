/// Makes one node again of the several that a node of a file was read as, where Tamis has no operator of its own for it: a
/// sum, mean, smallest or largest of more than two values, a power of mixed types, MeanVarianceNormalization, and a
/// parameter that was given axes.
///
/// The values between such nodes have no names of a file; where a file spelled the nodes out itself, they have, and stay.
struct JoinNodes {
    private let operators: ONNXOperators
    private let version: Int

    init(_ operators: ONNXOperators, version: Int) {
        self.operators = operators
        self.version = version
    }

    /// The model, in the file's order of axes, with such nodes joined.
    func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        let parts = UnnamedNodes(model: model)
        var rewriter = Rewriter(model)
        let joined = try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let y = node.outputs.first else { return false }
            if let reader = rewriter.onlyConsumer(of: y), model.graph.values[reader.outputs[0]].isNamed,
                let (id, tensor) = try parts.reshapedConstant(y)
            {
                let name = model.graph.values[id].name
                let symbol =
                    rewriter.isParameter(id)
                    ? rewriter.graph.parameter(name, tensor) : rewriter.graph.constant(tensor, name: name)
                rewriter.replace(y, by: symbol)
                return true
            }
            guard model.graph.values[y].isNamed, let whole = parts.whole(of: node),
                let row = operators.rows(whole.name, domain: "").first(where: { $0.versions.contains(version) })
            else { return false }
            var form = ONNXNodeWriter(
                version: version, inputs: whole.inputs.map { model.graph.values[$0].type },
                place: "node \"\(node.name)\" (\(whole.name))")
            if let axes = whole.axes { form.set("axes", axes) }
            let operation = ONNXNodeOperator(row: row, node: form, types: [model.graph.values[y].type])
            let inputs = whole.inputs.map { rewriter.copy($0) }
            rewriter.replace(y, by: try rewriter.graph.append(operation, inputs, name: node.name)[0])
            return true
        }
        return try DropUnread()(joined)
    }
}

/// Reads the nodes of a model backwards from one, as far as the values between them have no names of a file.
private struct UnnamedNodes {
    let model: Model

    /// A node of a file.
    struct Whole {
        var name: String
        var inputs: [Graph.ValueID]
        var axes: [Int]?
    }

    /// The node of a file that a node is the last part of; nil where it is a whole itself.
    func whole(of node: Graph.Node) -> Whole? {
        if let cast = node.operation as? Cast {
            // A whole number to a broken power, computed in float64.
            guard let (a, b) = arithmetic(.power, part(node.inputs[0])), let base = uncast(a), let exponent = uncast(b),
                model.graph.values[base].type.elementType == cast.elementType
            else { return nil }
            return Whole(name: "Pow", inputs: [base, exponent])
        }
        guard let function = (node.operation as? Arithmetic)?.function, let (a, b) = arithmetic(function, node) else {
            return nil
        }
        switch function {
        case .add, .maximum, .minimum:
            let values = operands(function, node)
            return values.count > 2 ? Whole(name: function == .add ? "Sum" : function.rawValue, inputs: values) : nil
        case .power: return uncast(b).map { Whole(name: "Pow", inputs: [a, $0]) }
        case .divide:
            if let sum = part(a), arithmetic(.add, sum) != nil {
                let values = operands(.add, sum)
                return number(b) == Double(values.count) ? Whole(name: "Mean", inputs: values) : nil
            }
            return normalization(a, b)
        default: return nil
        }
    }

    /// A constant and its elements in another shape, where that is what an unnamed value is.
    func reshapedConstant(_ id: Graph.ValueID) throws(ShapeError) -> (Graph.ValueID, Tensor)? {
        guard let node = part(id), node.operation is Reshape, let source = node.inputs[0],
            let tensor = model.constant(source), let shape = model.graph.values[id].type.shape
        else { return nil }
        return (source, try tensor.reshaped(to: shape.dimensions))
    }

    /// (x − mean) / (√ mean of (x − mean)² + 10⁻⁹)
    private func normalization(_ deviation: Graph.ValueID, _ scale: Graph.ValueID) -> Whole? {
        guard let (x, center) = arithmetic(.subtract, part(deviation)), let (averaged, axes) = mean(part(center)),
            averaged == x, let (root, epsilon) = arithmetic(.add, part(scale)),
            number(epsilon).map({ abs($0 - 1e-9) < 1e-12 }) ?? false, let unary = part(root),
            (unary.operation as? Unary)?.function == .squareRoot, let variance = unary.inputs[0],
            let (squares, same) = mean(part(variance)), same == axes,
            let (a, b) = arithmetic(.multiply, part(squares)), a == deviation, b == deviation
        else { return nil }
        return Whole(name: "MeanVarianceNormalization", inputs: [x], axes: axes)
    }

    /// The node that computes a value without a name of a file.
    private func part(_ id: Graph.ValueID?) -> Graph.Node? {
        guard let id, !model.graph.values[id].isNamed else { return nil }
        return model.graph.values[id].node.map { model.graph.nodes[$0] }
    }

    /// The operands of a node, where it is that function.
    private func arithmetic(
        _ function: Arithmetic.Function, _ node: Graph.Node?
    ) -> (Graph.ValueID, Graph.ValueID)? {
        guard let node, (node.operation as? Arithmetic)?.function == function, let a = node.inputs[0],
            let b = node.inputs[1]
        else { return nil }
        return (a, b)
    }

    /// The values that a node, and the parts before it, take one after the other.
    private func operands(_ function: Arithmetic.Function, _ node: Graph.Node) -> [Graph.ValueID] {
        var (values, next) = ([Graph.ValueID](), Optional(node))
        while let (a, b) = arithmetic(function, next) {
            values.append(b)
            next = part(a)
            if arithmetic(function, next) == nil { values.append(a) }
        }
        return values.reversed()
    }

    /// What was cast to an unnamed value.
    private func uncast(_ id: Graph.ValueID) -> Graph.ValueID? {
        part(id).flatMap { $0.operation is Cast ? $0.inputs[0] : nil }
    }

    /// What a node takes the mean of, and over which axes, which stay.
    private func mean(_ node: Graph.Node?) -> (x: Graph.ValueID, axes: [Int])? {
        guard let node, let reduce = node.operation as? Reduce, reduce.function == .mean, reduce.keepsDimensions,
            node.inputs.count == 1, let x = node.inputs[0]
        else { return nil }
        return (x, reduce.axes)
    }

    /// A constant without axes.
    private func number(_ id: Graph.ValueID) -> Double? {
        guard let tensor = model.constant(id), tensor.shape.rank == 0 else { return nil }
        return (try? tensor.doubles())?.first
    }
}
