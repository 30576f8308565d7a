/// Makes what a file had as one node Gemm one node again: alpha · x w + beta · c, which is read as a product, Mul and Add.
struct GemmTerms {
    private let row: ONNXOperator?
    private let version: Int

    init(_ operators: ONNXOperators, version: Int) {
        row = operators.rows("Gemm", domain: "").first { $0.versions.contains(version) }
        self.version = version
    }

    /// The model with such nodes joined.
    func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        guard let row, model.graph.nodes.contains(where: { $0.operation is Gemm }) else { return model }
        var rewriter = Rewriter(model)
        let joined = try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let terms = terms(at: node, rewriter) else { return false }
            let types = node.outputs.map { model.graph.values[$0].type }
            var form = ONNXNodeWriter(
                version: version, inputs: terms.inputs.map { model.graph.values[$0].type },
                place: "node \"\(terms.name)\" (Gemm)")
            if terms.alpha != 1 { form.set("alpha", terms.alpha) }
            if terms.beta != 1 { form.set("beta", terms.beta) }
            if terms.product.transposeX { form.set("transA", 1) }
            if terms.product.transposeW { form.set("transB", 1) }
            let operation = ONNXNodeOperator(row: row, node: form, types: types)
            let inputs = terms.inputs.map { rewriter.copy($0) }
            rewriter.replace(
                node.outputs[0], by: try rewriter.graph.append(operation, inputs, name: terms.name)[0])
            return true
        }
        // The product by itself, and the multiplications, that nobody reads any more.
        return try DropUnread()(joined)
    }

    private struct Terms {
        var name: String
        var product: Gemm
        var inputs: [Graph.ValueID]
        var alpha = 1.0
        var beta = 1.0
    }

    /// The terms of a sum, or of a multiple that is no part of one.
    private func terms(at node: Graph.Node, _ rewriter: Rewriter) -> Terms? {
        guard let arithmetic = node.operation as? Arithmetic else { return nil }
        if arithmetic.function == .multiply {
            if let next = rewriter.onlyConsumer(of: node.outputs[0]), terms(at: next, rewriter) != nil { return nil }
            return multiple(of: node, rewriter)
        }
        guard arithmetic.function == .add, let a = node.inputs[0], let b = node.inputs[1], a != b else { return nil }
        for (product, other) in [(a, b), (b, a)] where rewriter.onlyConsumer(of: product) != nil {
            guard let maker = rewriter.producer(of: product), var terms = multiple(of: maker, rewriter),
                let extents = rewriter.source.graph.values[product].type.dimensions
            else { continue }
            var addend = other
            if rewriter.onlyConsumer(of: other) != nil, let maker = rewriter.producer(of: other),
                let (value, factor) = scaled(maker, rewriter)
            {
                (addend, terms.beta) = (value, factor)
            }
            guard let bias = rewriter.source.graph.values[addend].type.dimensions, bias.count <= 2,
                zip(bias.reversed(), extents.reversed()).allSatisfy({ $0 == .fixed(1) || ($0 == $1 && $0 != .unknown) })
            else { continue }
            terms.inputs.append(addend)
            return terms
        }
        return nil
    }

    /// A product without other terms, or a multiple of one.
    private func multiple(of node: Graph.Node, _ rewriter: Rewriter) -> Terms? {
        if let product = node.operation as? Gemm {
            guard product.activation == .linear, node.inputs.dropFirst(2).allSatisfy({ $0 == nil }),
                let x = node.inputs[0], let w = node.inputs[1]
            else { return nil }
            return Terms(name: node.name, product: product, inputs: [x, w])
        }
        guard let (value, factor) = scaled(node, rewriter), rewriter.onlyConsumer(of: value) != nil,
            let maker = rewriter.producer(of: value), maker.operation is Gemm,
            var terms = multiple(of: maker, rewriter)
        else { return nil }
        terms.alpha = factor
        return terms
    }

    /// The value that a node multiplies by a constant number, and the number.
    private func scaled(_ node: Graph.Node, _ rewriter: Rewriter) -> (Graph.ValueID, Double)? {
        guard (node.operation as? Arithmetic)?.function == .multiply, let a = node.inputs[0], let b = node.inputs[1]
        else { return nil }
        for (value, factor) in [(a, b), (b, a)] {
            guard let constant = rewriter.source.graph.values[factor].constant, constant.shape.rank == 0,
                let number = try? constant.doubles().first, Double(Float(number)) == number
            else { continue }
            return (value, number)
        }
        return nil
    }
}
