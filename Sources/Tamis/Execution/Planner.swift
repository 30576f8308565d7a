import TamisKernels

/// Makes a plan, stage by stage: types, algorithms, memory.
struct Planner {
    let model: Model
    let options: PlanOptions
    let store: WeightStore
    private let budget: MemoryBudget
    private let graph: Graph
    /// The parameters that a run changes; all others are constants.
    private let updated: Set<Graph.ValueID>
    /// For each value, its fixed type; nil where nothing needs the value.
    private var tensors: [Preparation.Tensor?]
    /// The values that are constant in this plan though not in the model: they follow from its shapes.
    private var known: [Graph.ValueID: Tensor] = [:]
    /// The nodes that some result depends on, and the values they read or that are results.
    private var neededNodes: [Int] = []
    private var neededValues: Set<Graph.ValueID> = []

    /// What an error at a node is done with: thrown, or collected, and what depends on the node passed over.
    private let collects: Bool
    /// The errors at nodes that were found.
    private(set) var problems: [(node: Graph.Node, inputs: [ValueType?], error: PlanError)] = []
    /// When errors are collected, what is known of values that have no fixed type.
    private var open: [Graph.ValueID: ValueType] = [:]

    private(set) var inputPorts: [Plan.Port] = []
    private(set) var outputPorts: [Plan.Port] = []
    private(set) var stateParameters: [Plan.Port] = []
    private(set) var steps: [Plan.Step] = []
    private(set) var locations: [Plan.Location] = []
    private(set) var copies: [Plan.Copy] = []
    private(set) var buffers: [Plan.Buffer] = []
    private(set) var arenaBytes = 0
    private(set) var scratchBytes = 0
    var memoryBytes: Int { budget.taken }

    /// `values` are inputs whose values the plan may count on. A planner that `collects` throws no error of a node.
    init(
        model: Model, options: PlanOptions, store: WeightStore, values: [String: Tensor] = [:], collects: Bool = false
    ) {
        self.model = model
        self.collects = collects
        self.options = options
        self.store = store
        budget = MemoryBudget(limit: options.memoryLimit)
        graph = model.graph
        updated = Set(graph.updates.map(\.parameter))
        tensors = Array(repeating: nil, count: graph.values.count)
        for id in graph.inputs { known[id] = values[graph.values[id].name] }
    }

    // MARK: Types

    /// Gives each value a fixed type by running every shape rule on fixed inputs.
    mutating func fixTypes(_ shapes: [String: Shape]) throws(PlanError) {
        findNeeded()
        // Two results of one name would share a place among the outputs.
        var outputNames: Set<String> = []
        for output in graph.outputs where !outputNames.insert(output.name).inserted {
            throw .unsupported(
                operator: "output", rule: "each output must have a name of its own",
                received: "\"\(output.name)\" twice")
        }
        let inputNames = Set(graph.inputs.map { graph.values[$0].name })
        for name in shapes.keys where !inputNames.contains(name) {
            throw .unknownName(name, known: graph.inputs.map { graph.values[$0].name })
        }
        var names: [String: Int] = [:]
        for id in graph.inputs {
            let value = graph.values[id]
            guard case .tensor(let elementType, let dimensions) = value.type else {
                if collects {
                    open[id] = value.type
                    continue
                }
                throw .unsupported(operator: "input", rule: "a plan's inputs are tensors", received: "\(value.type)")
            }
            guard let shape = known[id]?.shape ?? shapes[value.name] ?? value.type.shape else {
                throw .missingInput(name: value.name, type: value.type)
            }
            if let dimensions {
                var fits = dimensions.count == shape.rank
                for (dimension, extent) in zip(dimensions, shape.dimensions) where fits {
                    switch dimension {
                    case .fixed(let wanted): fits = wanted == extent
                    case .named(let name): fits = names.updateValue(extent, forKey: name).map { $0 == extent } ?? true
                    case .unknown: break
                    }
                }
                guard fits else { throw .inputShape(name: value.name, expected: value.type, received: shape) }
            }
            tensors[id] = Preparation.Tensor(elementType: elementType, shape: shape)
            if known[id] != nil { continue }
            inputPorts.append(Plan.Port(name: value.name, elementType: elementType, shape: shape))
        }
        for id in graph.values.indices {
            switch graph.values[id].source {
            case .parameter where neededValues.contains(id) || updated.contains(id):
                guard let parameter = model.parameters[graph.values[id].name] else {
                    throw .missingParameter(name: graph.values[id].name)
                }
                tensors[id] = Preparation.Tensor(elementType: parameter.elementType, shape: parameter.shape)
            case .constant(let tensor):
                tensors[id] = Preparation.Tensor(elementType: tensor.elementType, shape: tensor.shape)
            default: break
            }
        }
        for index in neededNodes {
            let node = graph.nodes[index]
            do throws(PlanError) { try fixTypes(of: node) } catch {
                guard collects else { throw error }
                problems.append((node, node.inputs.map { $0.map { type(of: $0) ?? graph.values[$0].type } }, error))
            }
        }
        findNeeded()
        for update in graph.updates {
            guard let next = tensors[update.value], let present = tensors[update.parameter],
                next.elementType == present.elementType, next.shape == present.shape
            else {
                throw .shape(
                    .mismatch(
                        rule:
                            "the next value of the parameter \"\(graph.values[update.parameter].name)\" must be of its type, "
                            + "\(graph.values[update.parameter].type)",
                        received: "\(graph.values[update.value].type)"))
            }
        }
    }

    /// Gives the outputs of a node fixed types.
    private mutating func fixTypes(of node: Graph.Node) throws(PlanError) {
        let operands = node.inputs.map { id in
            id.flatMap { id in type(of: id).map { Operand(type: $0, constant: constant(id)) } }
        }
        // What it reads has an error of its own.
        if collects, zip(node.inputs, operands).contains(where: { $0 != nil && $1 == nil }) { return }
        let types: [ValueType]
        do throws(ShapeError) {
            let operands = Operands(operands, operatorName: node.operation.kind)
            types = try node.operation.outputTypes(for: operands)
            for case .tensor(_, let dimensions?) in types { try dimensions.checkExtents() }
            if let typed = node.operation as? any TypeOperator, let values = try typed.values(for: operands) {
                for (id, value) in zip(node.outputs, values) { known[id] = value }
            }
        } catch {
            throw .shape(.at(node: node.name, operator: node.operation.kind, error))
        }
        guard types.count == node.outputs.count else {
            throw .shape(
                .at(
                    node: node.name, operator: node.operation.kind,
                    .mismatch(
                        rule: "it must have as many outputs as when the graph was built, \(node.outputs.count)",
                        received: "\(types.count)")))
        }
        for (id, type) in zip(node.outputs, types) {
            guard case .tensor(let elementType, _) = type, let shape = type.shape else {
                if collects {
                    // Where values decide the shape, what is known must do.
                    open[id] = type
                    continue
                }
                throw .openShape(value: graph.values[id].name, type: type)
            }
            // Before operators make tables as long as the axes.
            let byteCount = elementType.byteCount(of: shape.elementCount) ?? .max
            guard byteCount <= options.memoryLimit else {
                throw .at(
                    node: node.name, operator: node.operation.kind,
                    .memory(needed: byteCount, limit: options.memoryLimit))
            }
            tensors[id] = Preparation.Tensor(elementType: elementType, shape: shape)
        }
        if node.outputs.allSatisfy({ tensors[$0] != nil }) { try evaluate(node, operands) }
    }

    /// What is known of a value.
    func type(of id: Graph.ValueID) -> ValueType? {
        tensors[id].map { .tensor($0.elementType, $0.shape) } ?? open[id]
    }

    /// Arithmetic of shapes is short; what is longer is computed when the plan runs.
    private static let evaluatedElements = 1 << 12

    /// Computes a node of constants now, so that the shape rules of those after it can read the values.
    private mutating func evaluate(_ node: Graph.Node, _ operands: [Operand?]) throws(PlanError) {
        let isShort = node.outputs.allSatisfy { (tensors[$0]?.shape.elementCount ?? .max) <= Self.evaluatedElements }
        guard isShort, known[node.outputs[0]] == nil, graph.updates.isEmpty,
            operands.allSatisfy({ $0.map { $0.constant != nil } ?? true })
        else { return }
        do throws(PlanError) {
            for output in node.outputs { try budget.take(bytes(output)) }
            guard let values = try Evaluation(options: options)(node.operation, operands.map { $0?.constant }) else {
                return
            }
            for (id, value) in zip(node.outputs, values) { known[id] = value }
        } catch {
            throw .at(node: node.name, operator: node.operation.kind, error)
        }
    }

    /// A value that is the same in each run of the plan.
    func constant(_ id: Graph.ValueID) -> Tensor? {
        updated.contains(id) ? nil : known[id] ?? model.constant(id)
    }

    private mutating func findNeeded() {
        neededNodes = []
        neededValues = graph.results
        for index in graph.nodes.indices.reversed() {
            let node = graph.nodes[index]
            guard node.outputs.contains(where: { neededValues.contains($0) && known[$0] == nil }) else { continue }
            neededNodes.append(index)
            for case let input? in node.inputs { neededValues.insert(input) }
        }
        neededNodes.reverse()
    }

    // MARK: Images

    /// Whether each image of a batch of `images` is on its own, so that `one`, which is for one image, gives its answer.
    func keepsImagesApart(as one: Planner, images: Int) -> Bool {
        func isBatch(_ id: Graph.ValueID) -> Bool {
            guard let (many, single) = pair(id), many.elementType == single.elementType, many.elementType.bitWidth >= 8
            else { return false }
            return many.shape.dimensions.first == images && single.shape.dimensions.first == 1
                && many.shape.dimensions.dropFirst() == single.shape.dimensions.dropFirst()
        }
        func pair(_ id: Graph.ValueID) -> (Preparation.Tensor, Preparation.Tensor)? {
            tensors[id].flatMap { many in one.tensors[id].map { (many, $0) } }
        }
        // What follows from the shapes must not follow from the number of images.
        func isSame(_ id: Graph.ValueID) -> Bool {
            guard let (many, single) = pair(id) else { return false }
            return many.elementType == single.elementType && many.shape == single.shape && known[id] == one.known[id]
        }
        guard updated.isEmpty, neededNodes == one.neededNodes else { return false }
        var holders = Set(graph.inputs.filter { known[$0] == nil })
        guard !holders.isEmpty, holders.allSatisfy(isBatch) else { return false }
        for index in neededNodes {
            let node = graph.nodes[index]
            let holds = node.inputs.map { $0.map(holders.contains) ?? false }
            guard zip(node.inputs, holds).allSatisfy({ id, holds in holds || id.map(isSame) ?? true }) else {
                return false
            }
            guard holds.contains(true) else { continue }
            let operands = Operands(
                node.inputs.map { id in
                    id.flatMap { id in type(of: id).map { Operand(type: $0, constant: constant(id)) } }
                }, operatorName: node.operation.kind)
            guard node.operation.keepsApart(holds, of: operands), node.outputs.allSatisfy(isBatch) else { return false }
            holders.formUnion(node.outputs)
        }
        return graph.outputs.allSatisfy { holders.contains($0.value) }
    }

    /// Bytes of the constants that runs read, in the form they came in.
    var weightBytes: Int {
        let constants = Set(
            neededNodes.flatMap { graph.nodes[$0].inputs.compactMap { $0 } }.filter { constant($0) != nil })
        return constants.reduce(0) { min(1 << 60, $0 + min(1 << 60, bytes($1))) }
    }

    // MARK: Algorithms

    /// Lets each operator choose its algorithm. Slots hold values until `placeValues` gives them their places.
    mutating func prepareSteps() throws(PlanError) {
        for index in neededNodes {
            let node = graph.nodes[index]
            if collects, node.operation is any DynamicOperator || !isFixed(node) { continue }
            do throws(PlanError) { try prepareStep(node) } catch {
                guard collects else { throw error }
                problems.append((node, node.inputs.map { $0.flatMap(type(of:)) }, error))
            }
        }
    }

    /// Whether every node that a result depends on has been prepared.
    var isComplete: Bool { steps.count == neededNodes.count }

    /// Whether all that a node reads and makes has a fixed type.
    private func isFixed(_ node: Graph.Node) -> Bool {
        node.inputs.allSatisfy { $0.map { tensors[$0] != nil } ?? true }
            && node.outputs.allSatisfy { tensors[$0] != nil }
    }

    private mutating func prepareStep(_ node: Graph.Node) throws(PlanError) {
        let context = Preparation(
            inputs: node.inputs.map { $0.flatMap { tensors[$0] } },
            outputs: node.outputs.compactMap { tensors[$0] },
            isOutputWanted: node.outputs.map(neededValues.contains), level: options.level,
            precision: options.precision, convolution: options.convolution,
            isBatchInvariant: graph.updates.isEmpty, constants: node.inputs.map { $0.flatMap(constant) },
            store: store, budget: budget,
            operatorName: node.operation.kind)
        var prepared: Prepared
        do throws(PlanError) {
            prepared = try node.operation.prepare(context)
            try check(prepared, node)
        } catch {
            throw .at(node: node.name, operator: node.operation.kind, error)
        }
        // Nothing is to be written: an axis of 2⁴⁰ beside one of none would be 2⁴⁰ steps all the same.
        if context.outputs.allSatisfy({ $0.shape.elementCount == 0 }) { prepared.stages = [] }
        scratchBytes = max(scratchBytes, prepared.scratchBytes)
        let operands = prepared.views == nil ? Set(node.inputs.compactMap { $0 } + node.outputs) : []
        let movedBytes = operands.reduce(0) { min(1 << 60, $0 + min(1 << 60, bytes($1))) }
        steps.append(
            Plan.Step(
                name: node.name, operatorName: node.operation.kind, prepared: prepared,
                outputs: zip(node.outputs, context.outputs).map {
                    Plan.Port(name: graph.values[$0].name, elementType: $1.elementType, shape: $1.shape)
                }, movedBytes: movedBytes, slots: [], inputCount: node.inputs.count))
    }

    /// Throws unless views lie within the input, and work in place names outputs that there are.
    private func check(_ prepared: Prepared, _ node: Graph.Node) throws(PlanError) {
        if let views = prepared.views {
            guard let input = node.inputs.first ?? nil, node.outputs.count == views.count,
                zip(node.outputs, views).allSatisfy({ $1 >= 0 && $1 + bytes($0) <= bytes(input) })
            else {
                throw .unsupported(
                    operator: node.operation.kind, rule: "views must lie within the first input",
                    received: "\(node.outputs.map { bytes($0) }) bytes at \(views)")
            }
        }
        guard prepared.inPlace.allSatisfy({ node.outputs.indices.contains($0.output) && $0.input >= 0 }) else {
            throw .unsupported(
                operator: node.operation.kind, rule: "work in place must name one of its \(node.outputs.count) outputs",
                received: "\(prepared.inPlace.map(\.output))")
        }
    }

    // MARK: Memory

    /// Decides which values share memory, then where each lies.
    mutating func placeValues() throws(PlanError) {
        let forever = steps.count
        var lastUse = [Int](repeating: -1, count: graph.values.count)
        var readers = [Int](repeating: 0, count: graph.values.count)
        for (step, index) in neededNodes.enumerated() {
            for case let input? in readInputs(of: graph.nodes[index], step) {
                lastUse[input] = step
                readers[input] += 1
            }
        }
        // What must exist when a run ends is never overwritten, not even in place.
        for result in graph.results { lastUse[result] = forever }
        let nextValue = Dictionary(
            graph.updates.map { ($0.value, $0.parameter) }, uniquingKeysWith: { first, _ in first })

        let stepOfNode = Dictionary(uniqueKeysWithValues: neededNodes.enumerated().map { ($0.element, $0.offset) })
        var memory = SharedMemory(lastUse: lastUse)
        for (step, index) in neededNodes.enumerated() {
            let node = graph.nodes[index]
            for output in node.outputs { memory.make(output, at: step) }
            let prepared = steps[step].prepared
            if let views = prepared.views, let input = node.inputs.first ?? nil {
                for (output, offset) in zip(node.outputs, views) { memory.put(output, into: input, at: offset) }
                continue
            }
            for place in prepared.inPlace {
                guard place.input < node.inputs.count, let input = node.inputs[place.input] else { continue }
                let output = node.outputs[place.output]
                let target = memory.root(of: input)
                guard bytes(output) == bytes(target), memory.life(of: target).last <= step,
                    memory.root(of: output) == output,
                    !node.outputs.contains(where: { memory.root(of: $0) == target && $0 != output }),
                    node.inputs.filter({ $0.map { memory.root(of: $0) == target } ?? false }).count == 1
                else { continue }
                if isComputed(target) || nextValue[output] == target { memory.put(output, into: target, at: 0) }
            }
            if let joined = prepared.joined { join(step, joined, stepOfNode, readers: readers, in: &memory) }
        }
        try placeRoots(&memory)
    }

    /// Whether a step computes a value, into memory that is nobody else's.
    private func isComputed(_ id: Graph.ValueID) -> Bool { graph.values[id].node != nil && known[id] == nil }

    /// Lets the inputs of a step that joins them be made where they go, each row of them within a row of the output. Of
    /// several rows that is only possible to who can write rows apart, and nobody else may read them.
    private mutating func join(
        _ step: Int, _ joined: Prepared.Joined, _ stepOfNode: [Int: Int], readers: [Int], in memory: inout SharedMemory
    ) {
        let (node, forever) = (graph.nodes[neededNodes[step]], steps.count)
        var remaining = node.inputs.count
        for (input, part) in zip(node.inputs, joined.parts) {
            guard let input, part.bytes > 0 else {
                remaining -= 1
                continue
            }
            let (root, offset) = memory.place(of: input)
            guard isComputed(root), offset == 0, bytes(root) == bytes(input), memory.life(of: root).last < forever,
                root != memory.root(of: node.outputs[0])
            else { continue }
            if joined.rows > 1 {
                guard root == input, memory.count(in: root) == 1, readers[input] == 1,
                    let maker = graph.values[input].node.flatMap({ stepOfNode[$0] }),
                    graph.nodes[neededNodes[maker]].outputs[0] == input, steps[maker].rowStride == 0,
                    let elements = steps[maker].prepared.rowElements, let type = tensors[input]?.elementType,
                    elements * type.bitWidth / 8 == part.bytes
                else { continue }
                steps[maker].rowStride = joined.rowBytes * 8 / type.bitWidth
            }
            memory.put(root, into: node.outputs[0], at: part.offset)
            remaining -= 1
        }
        if remaining == 0 {
            steps[step].prepared.stages = []
            steps[step].prepared.algorithm = "made in place"
        }
    }

    /// The values that a step reads when it runs.
    private func readInputs(of node: Graph.Node, _ step: Int) -> [Graph.ValueID?] {
        let unread = steps[step].prepared.unreadInputs
        return unread.isEmpty
            ? node.inputs : node.inputs.enumerated().map { unread.contains($0.offset) ? nil : $0.element }
    }

    private func bytes(_ id: Graph.ValueID) -> Int {
        tensors[id].flatMap { $0.elementType.byteCount(of: $0.shape.elementCount) } ?? 0
    }

    private mutating func placeRoots(_ memory: inout SharedMemory) throws(PlanError) {
        var slotOfRoot: [Graph.ValueID: Int] = [:]
        var buffers: [MemoryPlan.Buffer] = []
        var names: [String] = []
        func addBuffer(_ name: String, _ buffer: MemoryPlan.Buffer) {
            names.append(name)
            buffers.append(buffer)
        }
        /// The slots whose place in the arena is still to come, by the index of their buffer.
        var arenaSlots: [(slot: Int, buffer: Int)] = []
        func addSlot(_ location: Plan.Location) -> Int {
            locations.append(location)
            return locations.count - 1
        }
        for (index, id) in graph.inputs.filter({ known[$0] == nil }).enumerated() {
            slotOfRoot[id] = addSlot(.input(index))
        }
        var read = graph.results
        for (step, index) in neededNodes.enumerated() {
            for case let input? in readInputs(of: graph.nodes[index], step) { read.insert(input) }
        }
        for id in graph.values.indices where memory.root(of: id) == id {
            if updated.contains(id), let tensor = tensors[id] {
                let name = graph.values[id].name
                slotOfRoot[id] = addSlot(.state(name: name))
                stateParameters.append(Plan.Port(name: name, elementType: tensor.elementType, shape: tensor.shape))
            } else if let tensor = constant(id), read.contains(id) {
                try budget.take(tensor.byteCount)
                do throws(ShapeError) { try tensor.storage.make() } catch {
                    throw .outOfMemory(bytes: tensor.byteCount)
                }
                slotOfRoot[id] = addSlot(.fixed(tensor))
            }
        }
        var parts: [Part: Int] = [:]
        func slot(_ id: Graph.ValueID) -> Int {
            let (root, offset) = memory.place(of: id)
            let whole: Int
            if let slot = slotOfRoot[root] {
                whole = slot
            } else {
                whole = addSlot(.arena(offset: 0))
                slotOfRoot[root] = whole
                arenaSlots.append((whole, buffers.count))
                let life = memory.life(of: root)
                addBuffer(
                    graph.values[root].name,
                    MemoryPlan.Buffer(byteCount: bytes(root), first: life.first, last: life.last))
            }
            if offset == 0 { return whole }
            let part = Part(whole: whole, offset: offset)
            if let slot = parts[part] { return slot }
            let slot = addSlot(.part(of: whole, offset: offset))
            parts[part] = slot
            return slot
        }
        // A result is computed where it goes, if nothing else lies there; or copied there in the end.
        for (index, output) in graph.outputs.enumerated() {
            guard let tensor = tensors[output.value] else { continue }
            outputPorts.append(Plan.Port(name: output.name, elementType: tensor.elementType, shape: tensor.shape))
            try budget.take(bytes(output.value))
            let target = addSlot(.output(index))
            let root = memory.root(of: output.value)
            if slotOfRoot[root] == nil, bytes(root) == bytes(output.value) {
                slotOfRoot[root] = target
            } else {
                copies.append(Plan.Copy(from: slot(output.value), to: target, byteCount: bytes(output.value)))
            }
        }
        var workspaces: [(step: Int, buffer: Int)] = []
        for (step, index) in neededNodes.enumerated() {
            let node = graph.nodes[index]
            let inputs = readInputs(of: node, step).map { $0.map { Int32(slot($0)) } ?? -1 }
            let outputs = node.outputs.map { Int32(slot($0)) }
            steps[step].slots = inputs + outputs
            if steps[step].prepared.workspaceBytes > 0 {
                workspaces.append((step, buffers.count))
                addBuffer(
                    "\(node.name)/workspace",
                    MemoryPlan.Buffer(byteCount: steps[step].prepared.workspaceBytes, first: step, last: step))
            }
        }
        // A parameter that becomes another's next value is set aside before any parameter is written.
        var writes: [Plan.Copy] = []
        for update in graph.updates where memory.root(of: update.value) != update.parameter {
            let byteCount = bytes(update.value)
            var from = slot(update.value)
            if updated.contains(memory.root(of: update.value)) {
                let aside = addSlot(.arena(offset: 0))
                arenaSlots.append((aside, buffers.count))
                addBuffer(
                    "\(graph.values[update.value].name)/aside",
                    MemoryPlan.Buffer(byteCount: byteCount, first: steps.count, last: steps.count))
                copies.append(Plan.Copy(from: from, to: aside, byteCount: byteCount))
                from = aside
            }
            writes.append(Plan.Copy(from: from, to: slot(update.parameter), byteCount: byteCount))
        }
        copies += writes
        let arena = MemoryPlan(buffers)
        try budget.take(arena.byteCount)
        try budget.take(scratchBytes)
        arenaBytes = arena.byteCount
        self.buffers = buffers.indices.map { index in
            Plan.Buffer(
                name: names[index], offset: arena.offsets[index], byteCount: buffers[index].byteCount,
                first: buffers[index].first, last: min(buffers[index].last, max(steps.count - 1, 0)))
        }
        for (slot, buffer) in arenaSlots { locations[slot] = .arena(offset: arena.offsets[buffer]) }
        for (step, buffer) in workspaces { steps[step].workspaceOffset = arena.offsets[buffer] }
    }
}

/// A place within what a slot points to.
private struct Part: Hashable {
    var whole: Int
    var offset: Int
}
