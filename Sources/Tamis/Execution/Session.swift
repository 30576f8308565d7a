public import TamisKernels

/// Runs a plan in memory of its own. One task uses a session at a time; many sessions share a plan.
public final class Session {
    /// What is run.
    public let plan: Plan
    /// The most threads a run uses, the caller's included.
    public let threads: Int

    private let state: State?
    /// The arena, then the scratch memory of each thread.
    private let memory: WorkMemory
    private let byteCount: Int
    private let scratchOffset: Int
    private let scratchStride: Int
    /// Where the memory began when the table was filled.
    private var boundBase: UnsafeMutableRawPointer?
    /// Where each slot of the plan lies.
    private let table: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    /// The slots of all steps, one after the other, and where those of each step begin.
    private let slots: UnsafeMutablePointer<Int32>
    private let firstSlot: [Int]
    /// What the tiles of each thread said of the present stage.
    private let statuses: UnsafeMutablePointer<KernelStatus>
    private let inputSlots: [Int]
    private let outputSlots: [Int]
    /// The slots that point into the memory of others.
    private let parts: [(slot: Int, of: Int, offset: Int)]
    /// When a run must be over; nil for no end.
    var deadline: ContinuousClock.Instant?
    /// Where a batch is computed image by image: a session for each thread, …
    private let lanes: [Session]
    /// … and one that gives all threads to one image, for those that are left over.
    private let remainder: Session?
    /// What stopped the run of a lane.
    private var failure: ExecutionError?

    /// A session on at most `threads` threads; as many as the process may use by default. A plan that changes parameters
    /// needs the `state` that holds them.
    public convenience init(
        _ plan: Plan, threads: Int = Processor.availableCount, state: State? = nil
    ) throws(ExecutionError) {
        try self.init(plan, threads: threads, state: state, memory: WorkMemory())
    }

    /// A session in memory that it shares with others, which run before it or after.
    init(_ plan: Plan, threads: Int, state: State? = nil, memory: WorkMemory) throws(ExecutionError) {
        self.plan = plan
        self.threads = min(max(1, threads), ThreadPool.maximumThreads)
        self.state = state
        self.memory = memory
        scratchStride = (plan.scratchBytes + 4095) / 4096 * 4096 + 64
        scratchOffset = (plan.arenaBytes + 63) / 64 * 64
        let (scratchBytes, isTooMuch) = scratchStride.multipliedReportingOverflow(by: self.threads)
        let (byteCount, overflow) = scratchOffset.addingReportingOverflow(scratchBytes)
        self.byteCount = isTooMuch || overflow ? Int.max : byteCount
        if let one = plan.imagePlan {
            // Fewer images than threads: each gets all threads.
            let count = one.images >= self.threads ? self.threads : 0
            lanes = try (0..<count).map { (lane) throws(ExecutionError) in
                try Session(one.plan, threads: 1, memory: lane == 0 ? memory : WorkMemory())
            }
            remainder =
                count == 0 || one.images % count > 0
                ? try Session(one.plan, threads: self.threads, memory: memory) : nil
        } else {
            lanes = []
            remainder = nil
            try memory.reserve(self.byteCount)
        }
        var states: [String: TensorStorage] = [:]
        for port in plan.stateParameters {
            guard let storage = state?.memory(port) else { throw .missingParameter(name: port.name) }
            states[port.name] = storage
        }
        table = .allocate(capacity: plan.locations.count + 1)
        table.initialize(repeating: nil, count: plan.locations.count + 1)
        slots = .allocate(capacity: plan.steps.reduce(1) { $0 + $1.slots.count })
        statuses = .allocate(capacity: self.threads)
        statuses.initialize(repeating: .done, count: self.threads)
        var inputSlots = [Int](repeating: 0, count: plan.inputs.count)
        var outputSlots = [Int](repeating: 0, count: plan.outputs.count)
        var parts: [(slot: Int, of: Int, offset: Int)] = []
        for (slot, location) in plan.locations.enumerated() {
            switch location {
            case .arena: break
            case .part(let whole, let offset): parts.append((slot, whole, offset))
            case .input(let index): inputSlots[index] = slot
            case .output(let index): outputSlots[index] = slot
            case .state(let name): table[slot] = states[name]?.base
            case .fixed(let tensor): table[slot] = tensor.storage.base
            }
        }
        self.inputSlots = inputSlots
        self.outputSlots = outputSlots
        self.parts = parts
        var firstSlot: [Int] = []
        var next = 0
        for step in plan.steps {
            firstSlot.append(next)
            for slot in step.slots {
                slots[next] = slot
                next += 1
            }
        }
        self.firstSlot = firstSlot
    }

    deinit {
        table.deallocate()
        slots.deallocate()
        statuses.deallocate()
    }

    /// Runs the plan on inputs by name and returns all its outputs by name.
    public func run(_ inputs: [String: Tensor]) throws(ExecutionError) -> [String: Tensor] {
        var outputs: [String: Tensor] = [:]
        try run(inputs, into: &outputs)
        return outputs
    }

    /// Runs the plan on inputs by name and writes its outputs to the tensors of their names in `outputs`. Once those
    /// exist, have the right type and are shared with nobody, a run allocates nothing.
    public func run(_ inputs: [String: Tensor], into outputs: inout [String: Tensor]) throws(ExecutionError) {
        try run(inputs, into: &outputs, betweenSteps: nil)
    }

    /// The same; `observe` is called before the first step and after each.
    func run(
        _ inputs: [String: Tensor], into outputs: inout [String: Tensor], betweenSteps observe: (() -> Void)?
    ) throws(ExecutionError) {
        for (index, port) in plan.inputs.enumerated() {
            guard let tensor = inputs[port.name] else {
                throw .missingInput(name: port.name, known: inputs.keys.sorted())
            }
            guard tensor.elementType == port.elementType, tensor.shape == port.shape else {
                throw .inputType(
                    name: port.name, expected: port.type, received: .tensor(tensor.elementType, tensor.shape))
            }
            table[inputSlots[index]] = tensor.storage.base
        }
        for (index, port) in plan.outputs.enumerated() {
            if let position = outputs.index(forKey: port.name),
                let base = outputs.values[position].baseForWriting(port.elementType, port.shape)
            {
                table[outputSlots[index]] = base
                continue
            }
            do throws(ShapeError) {
                let tensor = try Tensor(uninitialized: port.elementType, shape: port.shape)
                table[outputSlots[index]] = tensor.storage.base
                outputs[port.name] = tensor
            } catch {
                throw .memory(bytes: port.byteCount)
            }
        }
        if observe == nil, let one = plan.imagePlan {
            return try withExtendedLifetime(inputs) { () throws(ExecutionError) in try runImages(one.images) }
        }
        // The tables hold bare pointers: what they point to stays alive until all steps are done.
        let memory = try boundMemory()
        try withExtendedLifetime(inputs) { () throws(ExecutionError) in
            try runSteps(memory, observe)
        }
    }

    /// Where the memory begins, which the table's pointers into the arena are then right for.
    private func boundMemory() throws(ExecutionError) -> UnsafeMutableRawPointer {
        try memory.reserve(byteCount)
        guard let base = memory.base else { throw .memory(bytes: byteCount) }
        if base != boundBase {
            for (slot, location) in plan.locations.enumerated() {
                if case .arena(let offset) = location { table[slot] = base + offset }
            }
            boundBase = base
        }
        return base
    }

    // MARK: Image by image

    /// Runs as many images as the lanes can share evenly side by side, then the rest one after the other on all threads.
    private func runImages(_ images: Int) throws(ExecutionError) {
        let shared = lanes.isEmpty ? 0 : images / lanes.count * lanes.count
        for lane in lanes {
            lane.failure = nil
            lane.deadline = deadline
        }
        if lanes.count > 1 {
            withUnsafePointer(to: Unmanaged.passUnretained(self)) { session in
                ThreadPool.shared.run(tiles: shared, threads: lanes.count, context: session) {
                    context, worker, lower, upper in
                    let session = context.assumingMemoryBound(to: Unmanaged<Session>.self).pointee
                    session._withUnsafeGuaranteedRef { session in
                        for image in lower..<upper { session.lanes[worker].run(image, of: session) }
                    }
                }
            }
        } else if let lane = lanes.first {
            for image in 0..<shared { lane.run(image, of: self) }
        }
        for lane in lanes { if let failure = lane.failure { throw failure } }
        guard let remainder else { return }
        remainder.failure = nil
        remainder.deadline = deadline
        for image in shared..<images { remainder.run(image, of: self) }
        if let failure = remainder.failure { throw failure }
    }

    /// Computes one image of the inputs and outputs that `batch` is bound to; after a failure nothing any more.
    private func run(_ image: Int, of batch: Session) {
        guard failure == nil else { return }
        for (index, port) in plan.inputs.enumerated() {
            table[inputSlots[index]] = batch.table[batch.inputSlots[index]].map { $0 + image * port.byteCount }
        }
        for (index, port) in plan.outputs.enumerated() {
            table[outputSlots[index]] = batch.table[batch.outputSlots[index]].map { $0 + image * port.byteCount }
        }
        do throws(ExecutionError) { try runSteps(try boundMemory(), nil) } catch { failure = error }
    }

    private func runSteps(_ memory: UnsafeMutableRawPointer, _ observe: (() -> Void)?) throws(ExecutionError) {
        for part in parts { table[part.slot] = table[part.of].map { $0 + part.offset } }
        observe?()
        for index in plan.steps.indices {
            let status = runStep(index, memory)
            guard status == .done else {
                throw .data(node: plan.steps[index].name, operator: plan.steps[index].operatorName, status)
            }
            observe?()
        }
        for copy in plan.copies {
            guard let from = table[copy.from], let to = table[copy.to] else { continue }
            to.copyMemory(from: from, byteCount: copy.byteCount)
        }
    }

    /// A stage on its way through the pool.
    private struct Region {
        let stage: UnsafePointer<Prepared.Stage>
        let bindings: UnsafePointer<Bindings>
        let scratch: UnsafeMutableRawPointer
        let scratchStride: Int
        let statuses: UnsafeMutablePointer<KernelStatus>
        let deadline: ContinuousClock.Instant?
    }

    private func runStep(_ index: Int, _ memory: UnsafeMutableRawPointer) -> KernelStatus {
        plan.steps.withUnsafeBufferPointer { steps in
            let bindings = Bindings(
                table: table, slots: slots + firstSlot[index], inputCount: steps[index].inputCount,
                workspace: memory + steps[index].workspaceOffset, scratch: memory + scratchOffset,
                stride: steps[index].rowStride)
            return steps[index].prepared.stages.withUnsafeBufferPointer { stages in
                for position in stages.indices {
                    let status = run(stages.baseAddress.unsafelyUnwrapped + position, bindings)
                    guard status == .done else { return status }
                }
                return .done
            }
        }
    }

    /// Below this, waking another thread costs more than it brings.
    private static let parallelNanoseconds = 20_000.0

    private func run(_ stage: UnsafePointer<Prepared.Stage>, _ bindings: Bindings) -> KernelStatus {
        let tiles = stage.pointee.tiles
        guard tiles > 0 else { return .done }
        guard threads > 1, tiles > 1, stage.pointee.nanoseconds >= Self.parallelNanoseconds else {
            return stage.pointee.run(bindings, 0..<tiles, until: deadline)
        }
        return withUnsafePointer(to: bindings) { bindings in
            let region = Region(
                stage: stage, bindings: bindings, scratch: bindings.pointee.scratch, scratchStride: scratchStride,
                statuses: statuses, deadline: deadline)
            return withUnsafePointer(to: region) { region in
                ThreadPool.shared.run(tiles: tiles, threads: threads, context: region) {
                    context, worker, lower, upper in
                    let region = context.assumingMemoryBound(to: Region.self).pointee
                    let shared = region.bindings.pointee
                    let bindings = Bindings(
                        table: shared.table, slots: shared.slots, inputCount: shared.inputCount,
                        workspace: shared.workspace, scratch: region.scratch + worker * region.scratchStride,
                        stride: shared.stride)
                    let status = region.stage.pointee.run(bindings, lower..<upper, until: region.deadline)
                    if status != .done { region.statuses[worker] = status }
                }
                for worker in 0..<threads where statuses[worker] != .done {
                    let status = statuses[worker]
                    for worker in 0..<threads { statuses[worker] = .done }
                    return status
                }
                return .done
            }
        }
    }
}

extension Prepared.Stage {
    /// Computes a range of tiles; where there is a deadline, tile by tile as long as it lasts.
    fileprivate func run(
        _ bindings: borrowing Bindings, _ range: Range<Int>, until deadline: ContinuousClock.Instant?
    ) -> KernelStatus {
        guard let deadline else { return run(bindings, range) }
        for tile in range {
            if ContinuousClock.now >= deadline { return .timeout }
            let status = run(bindings, tile..<tile + 1)
            guard status == .done else { return status }
        }
        return .done
    }
}

extension Tensor {
    /// Where to write the elements, if this tensor has the type and nobody shares its memory.
    fileprivate mutating func baseForWriting(_ elementType: ElementType, _ shape: Shape) -> UnsafeMutableRawPointer? {
        self.elementType == elementType && self.shape == shape && isUnique() ? storage.base : nil
    }
}
