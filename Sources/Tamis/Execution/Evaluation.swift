import TamisKernels

/// Computes one node by itself, on the caller's thread: what constants and shapes make of each other when a plan is made.
struct Evaluation {
    let options: PlanOptions

    /// The outputs of an operation for tensors; nil where it is not one of fixed shapes.
    func callAsFunction(_ operation: any Operator, _ inputs: [Tensor?]) throws(PlanError) -> [Tensor]? {
        if operation is any DynamicOperator { return nil }
        let operands = Operands(
            inputs.map { $0.map { Operand(type: .tensor($0.elementType, $0.shape), constant: $0) } },
            operatorName: operation.kind)
        var types: [Preparation.Tensor] = []
        var outputs: [Tensor] = []
        let budget = MemoryBudget(limit: options.memoryLimit)
        do throws(ShapeError) {
            if let typed = operation as? any TypeOperator { return try typed.values(for: operands) }
            // Weights in another order are made when they are read.
            if let transpose = operation as? Transpose, let x = inputs.first ?? nil, x.elementType.bitWidth >= 8 {
                return [try x.permuted(by: transpose.order)]
            }
            for type in try operation.outputTypes(for: operands) {
                guard case .tensor(let elementType, _) = type, elementType.bitWidth > 0, let shape = type.shape else {
                    return nil
                }
                types.append(Preparation.Tensor(elementType: elementType, shape: shape))
            }
        } catch {
            throw .shape(error)
        }
        if inputs.contains(where: { $0?.elementType == .string }) { return nil }
        let context = Preparation(
            inputs: inputs.map { $0.map { Preparation.Tensor(elementType: $0.elementType, shape: $0.shape) } },
            outputs: types, isOutputWanted: types.map { _ in true }, level: options.level,
            precision: options.precision, convolution: options.convolution, isBatchInvariant: true, constants: inputs,
            store: WeightStore(byteLimit: 0),
            budget: budget, operatorName: operation.kind)
        let prepared = try operation.prepare(context)
        if let views = prepared.views, let source = inputs.first ?? nil {
            return try zip(types, views).map { (type, offset) throws(PlanError) in
                do throws(ShapeError) { return try source.part(type, at: offset) } catch { throw .shape(error) }
            }
        }
        do throws(ShapeError) {
            for type in types { outputs.append(try Tensor(uninitialized: type.elementType, shape: type.shape)) }
            for input in inputs { try input?.storage.make() }
        } catch {
            throw .shape(error)
        }
        if outputs.allSatisfy({ $0.shape.elementCount == 0 }) { return outputs }
        try budget.take(prepared.workspaceBytes)
        try budget.take(prepared.scratchBytes)
        try run(prepared, inputs, outputs, of: operation)
        return outputs
    }

    private func run(
        _ prepared: Prepared, _ inputs: [Tensor?], _ outputs: [Tensor], of operation: any Operator
    ) throws(PlanError) {
        func memory(_ byteCount: Int) throws(PlanError) -> TensorStorage {
            do throws(ShapeError) { return try TensorStorage(byteCount: byteCount) } catch {
                throw .outOfMemory(bytes: byteCount)
            }
        }
        let (workspace, scratch) = (try memory(prepared.workspaceBytes), try memory(prepared.scratchBytes))
        let all = inputs + outputs.map(Optional.some)
        let table = all.map { $0?.storage.base }
        let slots = all.indices.map { all[$0] == nil ? -1 : Int32($0) }
        let status = table.withUnsafeBufferPointer { table in
            slots.withUnsafeBufferPointer { slots in
                guard let table = table.baseAddress, let slots = slots.baseAddress else { return KernelStatus.done }
                let bindings = Bindings(
                    table: table, slots: slots, inputCount: inputs.count, workspace: workspace.base,
                    scratch: scratch.base)
                for stage in prepared.stages {
                    let status = stage.run(bindings, 0..<stage.tiles)
                    guard status == .done else { return status }
                }
                return .done
            }
        }
        withExtendedLifetime((all, workspace, scratch)) {}
        guard status == .done else {
            throw .unsupported(
                operator: operation.kind, rule: "its data must keep its rule", received: "\(status)")
        }
    }
}

extension Tensor {
    /// The elements from `offset` bytes on as a tensor of this type, in the same memory.
    fileprivate func part(_ type: Preparation.Tensor, at offset: Int) throws(ShapeError) -> Tensor {
        guard let count = type.elementType.byteCount(of: type.shape.elementCount), count < byteCount else {
            return Tensor(elementType: type.elementType, shape: type.shape, storage: storage)
        }
        let bytes = UnsafeRawBufferPointer(start: try storage.make() + offset, count: count)
        return Tensor(
            elementType: type.elementType, shape: type.shape, storage: TensorStorage(viewing: bytes, of: storage))
    }
}
