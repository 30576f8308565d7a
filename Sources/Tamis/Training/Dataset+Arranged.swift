extension Dataset {
    /// The images, count × height × width × channels, as the only input of `model` wants them: channels last or first, flat,
    /// or without an axis for their only channel; in the model's float type.
    public func arranged(for model: Model) throws(TrainingError) -> Dataset {
        guard let input = model.inputs.first, model.inputs.count == 1 else {
            throw .data(rule: "the network must have one input", received: "\(model.inputs.count)")
        }
        guard let wanted = input.type.dimensions, inputs.shape.rank == 4 else { return self }
        let (count, height, width, channels) = (inputs.shape[0], inputs.shape[1], inputs.shape[2], inputs.shape[3])
        func fits(_ extents: [Int]) -> Bool {
            wanted.count == extents.count + 1
                && zip(wanted.dropFirst(), extents).allSatisfy { $0.value == nil || $0.value == $1 }
        }
        let arranged = try training { () throws(ShapeError) -> Tensor? in
            if fits([height, width, channels]) { return inputs }
            if fits([channels, height, width]) { return try inputs.permuted(by: .channelFirst(rank: 4)) }
            if channels == 1, fits([height, width]) { return try inputs.reshaped(to: [count, height, width]) }
            let pixels = height * width * channels
            return fits([pixels]) ? try inputs.reshaped(to: [count, pixels]) : nil
        }
        guard let arranged else {
            throw .data(
                rule: "the images must fit the network's input \"\(input.name)\", \(input.type)",
                received: "\(inputs.elementType) \(inputs.shape), images of height × width × channels")
        }
        let elementType = input.type.elementType ?? .float32
        guard elementType != arranged.elementType else { return try Dataset(inputs: arranged, labels: labels) }
        let converted = try training { () throws(ShapeError) in try arranged.converted(to: elementType) }
        return try Dataset(inputs: converted, labels: labels)
    }
}
