public import TamisKernels

extension Network {
    /// Trains the network: each epoch takes all examples once, in an order that follows from the seed and the epoch.
    ///
    /// - Parameters:
    ///   - data: The examples, count × the shape of the network's input, and their classes.
    ///   - epochs: How often to go through them.
    ///   - batchSize: Examples of one step; the last step of an epoch takes what is left.
    ///   - optimizer: How a step changes the parameters.
    ///   - loss: What becomes small.
    ///   - validation: Measured after each epoch, never learned from.
    ///   - seed: Of the order of the examples.
    ///   - threads: The most threads to use; their number changes no bit of the result.
    ///   - progress: Called after each step; a `ProgressReporter` draws a bar.
    /// - Returns: The course of losses and accuracies. On an error the network is as it was before.
    @discardableResult
    public mutating func fit(
        _ data: Dataset, epochs: Int = 1, batchSize: Int = 32, optimizer: any Optimizer = .adam(),
        loss: any Loss = .sparseCategoricalCrossentropy, validation: Dataset? = nil, seed: UInt64 = 0,
        threads: Int = Processor.availableCount, progress: ((TrainingProgress) -> Void)? = nil
    ) throws(TrainingError) -> History {
        guard epochs > 0, batchSize > 0 else {
            throw .setting(rule: "epochs and batch size must be 1 or more", received: "\(epochs) and \(batchSize)")
        }
        try check(data)
        if let validation { try check(validation) }
        let step = try TrainingStep(model, loss: loss, optimizer: optimizer, threads: threads)
        var batches = try Batches(data, size: batchSize, inputName: model.inputs[0].name)
        var history = History()
        // Room for the times of all steps, within reason: a step allocates nothing.
        let (steps, overflow) = epochs.multipliedReportingOverflow(by: batches.count)
        history.stepMilliseconds.reserveCapacity(overflow ? 0 : min(steps, 1 << 20))
        let clock = ContinuousClock()
        for epoch in 1...epochs {
            var generator = Philox(seed: seed, stream: UInt64(epoch))
            let order = generator.shuffled(data.count)
            var (lossSum, hitSum, seen, seconds) = (0.0, 0.0, 0, 0.0)
            for index in 0..<batches.count {
                let start = clock.now
                var metrics = Metrics(loss: .nan, accuracy: .nan)
                var failure: TrainingError?
                try batches.withBatch(index, order: order) { (batch) throws(ExecutionError) in
                    do throws(TrainingError) { metrics = try step.run(&batch) } catch { failure = error }
                }
                if let failure { throw failure }
                guard metrics.loss.isFinite else {
                    throw .lossNotFinite(loss: metrics.loss, epoch: epoch, step: index + 1)
                }
                let elapsed = (clock.now - start).seconds
                history.stepMilliseconds.append(1000 * elapsed)
                seconds += elapsed
                let count = batches.count(of: index)
                lossSum += metrics.loss * Double(count)
                hitSum += metrics.accuracy * Double(count)
                seen += count
                progress?(
                    TrainingProgress(
                        epoch: epoch, epochs: epochs, step: index + 1, steps: batches.count,
                        metrics: Metrics(loss: lossSum / Double(seen), accuracy: hitSum / Double(seen)),
                        seconds: seconds,
                        isEpochOver: validation == nil && index + 1 == batches.count))
            }
            let training = Metrics(loss: lossSum / Double(seen), accuracy: hitSum / Double(seen))
            var measured: Metrics?
            if let validation {
                var present = model
                present.parameters = step.parameters
                let metrics = try present.evaluate(validation, loss: loss, threads: threads)
                guard metrics.loss.isFinite else {
                    throw .lossNotFinite(loss: metrics.loss, epoch: epoch, step: batches.count)
                }
                measured = metrics
                progress?(
                    TrainingProgress(
                        epoch: epoch, epochs: epochs, step: batches.count, steps: batches.count, metrics: training,
                        validation: measured, seconds: seconds, isEpochOver: true))
            }
            history.epochs.append(Epoch(training: training, validation: measured, seconds: seconds))
        }
        // The loss of a step is that before its update: the last update shows in the parameters alone.
        let parameters = step.parameters
        if let name = try parameters.firstNotFinite() {
            throw .parameterNotFinite(name: name, epoch: epochs, step: batches.count)
        }
        model.parameters = parameters
        return history
    }

    /// The loss and accuracy of the network on data it does not learn from.
    public func evaluate(
        _ data: Dataset, loss: any Loss = .sparseCategoricalCrossentropy, batchSize: Int = 64,
        threads: Int = Processor.availableCount
    ) throws(TrainingError) -> Metrics {
        try check(data)
        guard batchSize > 0 else { throw .setting(rule: "the batch size must be 1 or more", received: "\(batchSize)") }
        let scored = try model.scored(by: loss)
        var batches = try Batches(data, size: batchSize, inputName: model.inputs[0].name)
        let runner = Runner(scored, threads: threads)
        var (lossSum, hitSum) = (0.0, 0.0)
        var outputs: [String: Tensor] = [:]
        for index in 0..<batches.count {
            try batches.withBatch(index, order: nil) { (batch) throws(ExecutionError) in
                try runner.run(batch, into: &outputs)
            }
            let count = Double(batches.count(of: index))
            lossSum += (outputs["loss"]?.loadScalar() ?? .nan) * count
            hitSum += (outputs["accuracy"]?.loadScalar() ?? .nan) * count
        }
        return Metrics(loss: lossSum / Double(data.count), accuracy: hitSum / Double(data.count))
    }

    /// The network's output for examples, count × the shape of its input, computed `batchSize` at a time.
    public func predict(
        _ inputs: Tensor, batchSize: Int = 64, threads: Int = Processor.availableCount
    ) throws(ExecutionError) -> Tensor {
        let runner = Runner(model, threads: threads)
        guard let name = model.inputs.first?.name, let output = model.outputs.first?.name,
            let count = inputs.shape.dimensions.first, model.inputs.count == 1
        else {
            throw .plan(
                .unsupported(
                    operator: "predict", rule: "it takes a network of one input and examples",
                    received: "\(inputs.shape)"))
        }
        guard batchSize > 0 else {
            throw .plan(
                .unsupported(operator: "predict", rule: "the batch size must be 1 or more", received: "\(batchSize)"))
        }
        func run(_ part: Tensor) throws(ExecutionError) -> Tensor {
            guard let result = try runner.run([name: part])[output] else {
                throw .unknownOutput(name: output, known: [])
            }
            return result
        }
        if count <= batchSize { return try run(inputs) }
        var parts: [Tensor] = []
        for first in stride(from: 0, to: count, by: batchSize) {
            let part: Tensor
            do throws(ShapeError) { part = try inputs.slice(first..<min(count, first + batchSize)) } catch {
                throw .plan(.shape(error))
            }
            parts.append(try run(part))
        }
        do throws(ShapeError) { return try Tensor(joining: parts) } catch { throw .plan(.shape(error)) }
    }

    /// Throws unless the examples fit the network's only input and the labels are classes it has.
    func check(_ data: Dataset) throws(TrainingError) {
        guard let input = model.inputs.first, model.inputs.count == 1 else {
            throw .data(rule: "the network must have one input", received: "\(model.inputs.count)")
        }
        try model.checkNames()
        let type = ValueType.tensor(data.inputs.elementType, data.inputs.shape)
        var fits = input.type.elementType == data.inputs.elementType
        if let wanted = input.type.dimensions {
            fits = fits && wanted.count == data.inputs.shape.rank
            for (dimension, extent) in zip(wanted, data.inputs.shape.dimensions).dropFirst() {
                if let value = dimension.value, value != extent { fits = false }
            }
        }
        guard fits else {
            throw .data(
                rule: "the examples must fit the network's input \"\(input.name)\", \(input.type)", received: "\(type)")
        }
        if let classes = model.outputs.first?.type.dimensions?.last?.value {
            let labels = try training { () throws(ShapeError) in try data.labels.scalars(as: Int64.self) }
            if let position = labels.firstIndex(where: { $0 < 0 || $0 >= Int64(classes) }) {
                throw .data(
                    rule: "each label must be a class from 0 to \(classes - 1)",
                    received: "\(labels[position]) for example \(position)")
            }
        }
    }
}

extension Parameters {
    /// The first parameter that holds an infinite value or NaN.
    fileprivate func firstNotFinite() throws(TrainingError) -> String? {
        for name in names {
            guard let tensor = self[name], tensor.elementType.isComputable else { continue }
            let isFinite = try training { () throws(ShapeError) in
                tensor.elementType == .float32
                    ? try tensor.scalars(as: Float.self).allSatisfy(\.isFinite)
                    : try tensor.scalars(as: Double.self).allSatisfy(\.isFinite)
            }
            if !isFinite { return name }
        }
        return nil
    }
}

extension Tensor {
    /// Tensors of one type, one after the other along their first axis.
    init(joining parts: [Tensor]) throws(ShapeError) {
        guard let first = parts.first, first.shape.rank > 0,
            parts.allSatisfy({
                $0.elementType == first.elementType
                    && $0.shape.dimensions.dropFirst() == first.shape.dimensions.dropFirst()
            })
        else {
            throw .mismatch(
                rule: "tensors to be joined must agree but for the first axis", received: "\(parts.map(\.shape))")
        }
        let count = parts.reduce(0) { $0 + $1.shape[0] }
        try self.init(uninitialized: first.elementType, shape: Shape([count] + first.shape.dimensions.dropFirst()))
        var offset = 0
        for part in parts {
            storage.base.advanced(by: offset).copyMemory(from: part.storage.base, byteCount: part.byteCount)
            offset += part.byteCount
        }
    }
}
