/// In which order of axes each operator of a model computes: the one it has, or another that its inputs come in, such that
/// the transposes left between the operators move the fewest bytes.
///
/// Transposes of the model are no operators here. Every value is another one, its root, with its axes in some order; the
/// root is an input, a parameter or what an operator makes. An operator that can take another order has one variable, and
/// the minimum cut chooses: a form of a root that somebody reads, and that is not the one it is made in, costs its bytes.
struct AxisOrders {
    /// A value as its root with axes in another order.
    struct Place: Hashable {
        var root: Graph.ValueID
        var order: Permutation
    }

    private typealias Variable = MinimumCut.Variable

    private let model: Model
    /// Orders that an operator may take even if no input comes in it: where all that follows does.
    private let preferred: (_ rank: Int) -> Permutation
    /// For each value of a known number of axes where it comes from.
    private(set) var places: [Place?]
    /// What Flattens make that take whatever order their input has.
    private(set) var folded: Set<Graph.ValueID> = []
    /// For each node, the form it may take.
    private var alternatives: [PermutedOperator?] = []
    private var variables: [Variable?] = []
    /// For each node, whether a yes of its variable means the order it has.
    private var isInverted: [Bool] = []
    private var cut = MinimumCut()
    private var choices: [Bool] = []

    /// Decides for all operators. `isConstant` says what takes any order for nothing, `isFolded` which Flattens do.
    init(
        _ model: Model, preferred: @escaping (_ rank: Int) -> Permutation,
        isConstant: (Graph.ValueID) -> Bool, isFolded: (Graph.Node) -> Bool
    ) {
        self.model = model
        self.preferred = preferred
        places = model.graph.values.enumerated().map { id, value in
            value.type.dimensions.map { Place(root: id, order: .identity(rank: $0.count)) }
        }
        var demands: [Place: [Reader]] = [:]
        // In the order they come, so that the same model gives the same network.
        var forms: [Place] = []
        func demand(_ place: Place, _ reader: Reader) {
            if demands[place] == nil { forms.append(place) }
            demands[place, default: []].append(reader)
        }
        for (index, node) in model.graph.nodes.enumerated() {
            alternatives.append(nil)
            variables.append(nil)
            isInverted.append(false)
            if let transpose = node.operation as? Transpose, let input = node.inputs[0], let place = places[input] {
                places[node.outputs[0]] = Place(root: place.root, order: transpose.order.after(place.order))
                continue
            }
            chooseAlternative(index, isConstant)
            if alternatives[index] == nil, isFolded(node) {
                folded.insert(node.outputs[0])
                continue
            }
            for (position, input) in node.inputs.enumerated() {
                guard let input, let place = places[input], !isConstant(place.root) else { continue }
                let (plain, other) = (place, self.other(place, at: position, of: index))
                guard let variable = variables[index], plain != other else {
                    demand(plain, .always)
                    continue
                }
                demand(plain, isInverted[index] ? .yes(variable) : .no(variable))
                demand(other, isInverted[index] ? .no(variable) : .yes(variable))
            }
        }
        for result in model.graph.results.sorted() {
            if let place = places[result] { demand(place, .always) }
        }
        for place in forms { charge(place, demands[place] ?? []) }
        let choose = cut.solved()
        choices = variables.indices.map { index in
            variables[index].map { choose($0) != isInverted[index] } ?? false
        }
    }

    // MARK: Answers

    /// What a node becomes, if it takes another order.
    func permuted(_ node: Int) -> PermutedOperator? { choices[node] ? alternatives[node] : nil }

    /// The order of a root in which its operator makes it.
    func stored(_ root: Graph.ValueID) -> Permutation {
        let rank = places[root]?.order.rank ?? 0
        guard let index = model.graph.values[root].node, choices[index] else { return .identity(rank: rank) }
        return made(root) ?? .identity(rank: rank)
    }

    // MARK: Alternatives

    /// The order of a root in which its operator makes it, if that takes another order.
    private func made(_ root: Graph.ValueID) -> Permutation? {
        guard case .node(let index, let output) = model.graph.values[root].source else { return nil }
        return alternatives[index]?.outputs[output].inverse
    }

    /// What a node would read in the place of an input, if it took another order.
    private func other(_ place: Place, at position: Int, of index: Int) -> Place {
        guard let alternative = alternatives[index], let wanted = alternative.inputs[position] else { return place }
        return Place(root: place.root, order: wanted.inverse.after(place.order))
    }

    /// Finds the other order that a node can take: that of an input, as it is or as it may be made.
    private mutating func chooseAlternative(_ index: Int, _ isConstant: (Graph.ValueID) -> Bool) {
        let node = model.graph.nodes[index]
        let inputs = node.inputs.compactMap { $0 }.filter { !isConstant(places[$0]?.root ?? $0) }
        var orders: [Permutation] = []
        for place in inputs.compactMap({ places[$0] }) {
            if let made = made(place.root) { orders.append(place.order.after(made.inverse)) }
            orders.append(place.order)
        }
        if let rank = node.inputs.first.flatMap({ $0.flatMap { places[$0] } })?.order.rank {
            orders.append(preferred(rank))
        }
        let operands = Operands(
            node.inputs.map {
                $0.map { Operand(type: model.graph.values[$0].type, constant: model.graph.values[$0].constant) }
            },
            operatorName: node.operation.kind)
        for order in orders where !order.isIdentity {
            guard let permuted = node.operation.permuted(by: order, inputs: operands),
                permuted.outputs.count == node.outputs.count, permuted.inputs.count == node.inputs.count,
                fits(permuted, node, isConstant)
            else { continue }
            alternatives[index] = permuted
            let variable = cut.variable()
            variables[index] = variable
            isInverted[index] = isInverted(index)
            return
        }
    }

    /// Whether the orders of a form have the ranks of what they order.
    private func fits(_ permuted: PermutedOperator, _ node: Graph.Node, _ isConstant: (Graph.ValueID) -> Bool) -> Bool {
        for (id, wanted) in zip(node.inputs, permuted.inputs) {
            guard let id, let wanted else { continue }
            guard let place = places[id], place.order.rank == wanted.rank || isConstant(place.root) else {
                return false
            }
        }
        return zip(node.outputs, permuted.outputs).allSatisfy { id, made in places[id]?.order.rank == made.rank }
    }

    /// Whether most of a node's inputs are in the order it has where they are made in another.
    private func isInverted(_ index: Int) -> Bool {
        var votes = 0
        for (position, input) in model.graph.nodes[index].inputs.enumerated() {
            guard let place = input.flatMap({ places[$0] }), let producer = model.graph.values[place.root].node,
                variables[producer] != nil, let made = made(place.root)
            else { continue }
            let other = other(place, at: position, of: index).order
            let same = (place.order.isIdentity ? 1 : 0) + (other == made ? 1 : 0)
            let opposite = (place.order == made ? 1 : 0) + (other.isIdentity ? 1 : 0)
            votes += (same - opposite) * (isInverted[producer] ? -1 : 1)
        }
        return votes < 0
    }

    // MARK: Costs

    /// When somebody reads a form of a value.
    private enum Reader: Equatable {
        case always
        /// If this variable is yes, or no.
        case yes(Variable)
        case no(Variable)
    }

    /// Charges what it costs that a form of a root is read, and not made.
    private mutating func charge(_ place: Place, _ readers: [Reader]) {
        let plain = Permutation.identity(rank: place.order.rank)
        let producer = model.graph.values[place.root].node
        let variable = producer.flatMap { variables[$0] }
        let made = variable == nil ? nil : made(place.root)
        // When the form is not there: always, or as the producer chooses.
        let isMissing: Reader
        switch (place.order, variable, producer) {
        case (plain, nil, _): return
        case (plain, _, _) where made == plain: return
        case (plain, let variable?, let producer?): isMissing = isInverted[producer] ? .no(variable) : .yes(variable)
        case (made, let variable?, let producer?): isMissing = isInverted[producer] ? .yes(variable) : .no(variable)
        default: isMissing = .always
        }
        let cost = cost(of: place, from: place.order == plain ? made ?? plain : plain)
        switch (isMissing, any(readers)) {
        case (.always, (true, _, _)): break
        case (.always, (_, let yes, let no)):
            if let yes { cut.charge(yes: yes, cost) }
            if let no { cut.charge(no: no, cost) }
        case (.yes(let variable), (true, _, _)): cut.charge(yes: variable, cost)
        case (.no(let variable), (true, _, _)): cut.charge(no: variable, cost)
        // A reader of the other kind cannot be said in a cut; it is left out, and at worst a transpose is not saved.
        case (.yes(let variable), (_, _, let no?)): cut.charge(no: no, besideYes: variable, cost)
        case (.no(let variable), (_, let yes?, _)): cut.charge(no: variable, besideYes: yes, cost)
        default: break
        }
    }

    /// Whether somebody always reads; a variable that is yes if one of the readers is and should be; one that is no.
    private mutating func any(_ readers: [Reader]) -> (always: Bool, yes: Variable?, no: Variable?) {
        var (yes, no): ([Variable], [Variable]) = ([], [])
        for reader in readers {
            switch reader {
            case .always: return (true, nil, nil)
            case .yes(let variable): yes.append(variable)
            case .no(let variable): no.append(variable)
            }
        }
        func joined(_ variables: [Variable], _ forbid: (inout MinimumCut, Variable, Variable) -> Void) -> Variable? {
            guard variables.count > 1 else { return variables.first }
            let all = cut.variable()
            for variable in variables { forbid(&cut, all, variable) }
            return all
        }
        return (
            false, joined(yes) { $0.charge(no: $1, besideYes: $2, Int.max / 4) },
            joined(no) { $0.charge(no: $2, besideYes: $1, Int.max / 4) }
        )
    }

    /// Bytes that a transpose moves; next to nothing where only axes of one element change places.
    private func cost(of place: Place, from order: Permutation) -> Int {
        guard let dimensions = model.graph.values[place.root].type.dimensions else { return 1 }
        let kept = order.order.filter { dimensions[$0] != 1 }
        let wanted = place.order.order.filter { dimensions[$0] != 1 }
        if kept == wanted { return 1 }
        // A batch is not known to be more than one image, and images not to be small.
        let elements = dimensions.enumerated().reduce(1.0) { $0 * Double($1.1.value ?? ($1.0 == 0 ? 1 : 16)) }
        let bits = model.graph.values[place.root].type.elementType?.bitWidth ?? 8
        return 2 + Int(min(elements * Double(bits) / 8, 1e15))
    }
}
