import Tamis

/// Runs a model as it is and after each of some passes, one after another, and says what differs.
package struct PassCheck {
    /// How far an output may be from that of the model as it was: `absolute` + `relative` · |reference|; nil: not one bit.
    package var absolute: Double?
    package var relative: Double

    package init(absolute: Double? = 1e-6, relative: Double = 1e-5) {
        self.absolute = absolute
        self.relative = relative
    }

    /// What each pass broke: a promise of passes, or an answer; and the model after all of them.
    package func callAsFunction(
        _ model: Model, _ inputs: [String: Tensor], passes: [any Pass] = Model.standardPasses()
    ) throws -> (failures: [String], model: Model) {
        var options = PlanOptions()
        options.optimizes = false
        func answers(_ model: Model) throws -> [String: Tensor] {
            try Runner(model, threads: 1, options: options).run(inputs)
        }
        let expected = try answers(model)
        var failures: [String] = []
        var current = model
        for pass in passes {
            let next = try pass(current)
            var broken = brokenPromises(current, next)
            for (name, answer) in try answers(next) {
                guard let reference = expected[name] else { continue }
                if let difference = try difference(answer, reference) { broken.append("\(name)\(difference)") }
            }
            failures += broken.map { "\(pass.name): \($0)" }
            current = next
        }
        return (failures, current)
    }

    private func difference(_ answer: Tensor, _ reference: Tensor) throws -> String? {
        guard let absolute, reference.elementType.isComputable else {
            return answer == reference ? nil : " has other bits"
        }
        return try firstExcess(answer, DoubleTensor(reference), absolute: absolute, relative: relative)
    }

    /// Inputs, outputs and updates stay; names of nodes are each there once.
    private func brokenPromises(_ before: Model, _ after: Model) -> [String] {
        var broken: [String] = []
        func compare(_ what: String, _ before: [String], _ after: [String]) {
            if before != after { broken.append("\(what) \(before) became \(after)") }
        }
        func described(_ ports: [(name: String, type: ValueType)]) -> [String] {
            ports.map { "\($0.name): \($0.type)" }
        }
        func updates(_ graph: Graph) -> [String] { graph.updates.map { graph.values[$0.parameter].name } }
        compare("inputs", described(before.inputs), described(after.inputs))
        compare("outputs", before.outputs.map(\.name), after.outputs.map(\.name))
        for (old, new) in zip(before.outputs, after.outputs) where !new.type.isOne(of: old.type) {
            broken.append("the output \(old.name) of \(old.type) became one of \(new.type)")
        }
        compare("updates", updates(before.graph), updates(after.graph))
        let names = after.graph.nodes.map(\.name)
        if Set(names).count != names.count { broken.append("two nodes have one name") }
        if before.metadata != after.metadata { broken.append("the metadata changed") }
        return broken
    }
}

extension ValueType {
    /// Whether a value of this type is one of another that says less of its extents.
    fileprivate func isOne(of other: ValueType) -> Bool {
        guard elementType == other.elementType, let wanted = other.dimensions else { return self == other }
        return dimensions.map { $0.count == wanted.count && zip($0, wanted).allSatisfy { $0 == $1 || $1 == .unknown } }
            ?? false
    }
}

extension Model {
    /// The kinds of the nodes, in order.
    package var kinds: [String] { graph.nodes.map(\.operation.kind) }
}
