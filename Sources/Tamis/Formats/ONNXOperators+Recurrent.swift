extension ONNXOperators {
    /// Recurrent layers: what was seen before goes into the next step.
    static let recurrent: [ONNXOperator] = [
        recurrent(named: Recurrent.Cell.lstm().name) { (node) throws(ImportError) in
            .lstm(couplesGates: try node.int("input_forget", default: 0) != 0)
        },
        recurrent(named: Recurrent.Cell.gru().name) { (node) throws(ImportError) in
            .gru(resetsAfterProduct: try node.int("linear_before_reset", default: 0) != 0)
        },
        recurrent(named: Recurrent.Cell.simple.name) { (_) throws(ImportError) in .simple },
    ]

    private static func recurrent(
        named name: String, cell: @escaping @Sendable (ONNXNodeReader) throws(ImportError) -> Recurrent.Cell
    ) -> ONNXOperator {
        ONNXOperator(
            name,
            read: { (node) throws(ImportError) in
                let cell = try cell(node)
                let name = try node.string("direction", default: Recurrent.Direction.forward.rawValue)
                guard let direction = Recurrent.Direction(rawValue: name) else {
                    throw node.invalid(
                        "\"direction\" must be forward, reverse or bidirectional", received: "\"\(name)\"")
                }
                if node.version < 7 { _ = try node.int("output_sequence", default: 0) }
                let clip = try node.float("clip", default: 0)
                let operation = Recurrent(
                    cell, direction: direction, functions: try node.gateFunctions(cell, direction),
                    clip: clip == 0 ? nil : clip,
                    isBatchFirst: node.version >= 14 ? try node.int("layout", default: 0) != 0 : false)
                let inputs = [
                    try node.input(0), try node.weight(1), try node.weight(2), try node.optionalWeight(3),
                    try node.optionalInput(4), try node.optionalInput(5), try node.optionalInput(6),
                    try node.optionalWeight(7),
                ]
                let hidden = inputs[2]?.dimensions?.last?.value
                let declared = try node.int("hidden_size", default: hidden ?? 0)
                guard hidden == nil || declared == hidden else {
                    throw node.invalid(
                        "\"hidden_size\" must be the last extent of R, \(hidden ?? 0)", received: "\(declared)")
                }
                return try node.append(operation, inputs)
            },
            write: { (layer: Recurrent, node) throws(ExportError) in
                if case .lstm(couplesGates: true) = layer.cell { node.set("input_forget", 1) }
                if case .gru(resetsAfterProduct: true) = layer.cell { node.set("linear_before_reset", 1) }
                if layer.direction != .forward { node.set("direction", layer.direction.rawValue) }
                if let clip = layer.clip { node.set("clip", clip) }
                if let hidden = node.inputs[2]?.dimensions?.last?.value { node.set("hidden_size", hidden) }
                if layer.isBatchFirst {
                    guard node.version >= 14 else {
                        throw node.unsupported("a batch before the steps before version 14 of the operator set")
                    }
                    node.set("layout", 1)
                }
                guard layer.functions != Recurrent(layer.cell, direction: layer.direction).functions else { return }
                node.set("activations", layer.functions.map(\.formula.rawValue))
                let alphas = layer.functions.filter { $0.formula.defaults.alpha != nil }.map(\.alpha)
                let betas = layer.functions.filter { $0.formula.defaults.beta != nil }.map(\.beta)
                if !alphas.isEmpty { node.set("activation_alpha", alphas) }
                if !betas.isEmpty { node.set("activation_beta", betas) }
            })
    }
}

extension ONNXNodeReader {
    /// The functions of a recurrent layer's gates, or nil where the node does not say.
    fileprivate func gateFunctions(
        _ cell: Recurrent.Cell, _ direction: Recurrent.Direction
    ) throws(ImportError) -> [GateFunction]? {
        let (alphas, betas) = (try floats("activation_alpha"), try floats("activation_beta"))
        // RNN's schema gives two functions, whatever the direction.
        let count = direction.count * cell.functions.count
        guard let names = try strings("activations") else { return nil }
        guard names.count == count || (cell == .simple && names.count > count) else {
            throw invalid("\"activations\" must be \(count) names", received: "\(names.count)")
        }
        var formulas: [GateFunction.Formula] = []
        for name in names.prefix(count) {
            let formula = GateFunction.Formula.allCases.first { $0.rawValue.lowercased() == name.lowercased() }
            guard let formula else { throw unsupported("the activation \"\(name)\"") }
            formulas.append(formula)
        }
        let alpha = numbers(alphas, formulas.map { $0.defaults.alpha != nil })
        let beta = numbers(betas, formulas.map { $0.defaults.beta != nil })
        return formulas.indices.map { GateFunction(formulas[$0], alpha: alpha[$0], beta: beta[$0]) }
    }

    /// The number of each function: one a function, or one for each that has such a number, in order.
    private func numbers(_ values: [Double]?, _ isWanted: [Bool]) -> [Double?] {
        guard let values else { return isWanted.map { _ in nil } }
        if values.count == isWanted.count { return values }
        var rest = values[...]
        return isWanted.map { $0 ? rest.popFirst() : nil }
    }
}
