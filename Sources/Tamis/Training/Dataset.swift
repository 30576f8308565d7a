/// Examples and their labels: one tensor each, an example an entry of the first axis.
public struct Dataset: Sendable {
    /// The examples: count × the shape of one.
    public let inputs: Tensor
    /// Their classes: count int64.
    public let labels: Tensor

    /// Checks that there is one label an example, count or count × 1; integer labels of any width become int64.
    public init(inputs: Tensor, labels: Tensor) throws(TrainingError) {
        guard let count = inputs.shape.dimensions.first, count > 0, labels.shape.dimensions.first == count,
            labels.shape.elementCount == count
        else {
            throw .data(
                rule: "each example must have one label, the number of its class, and there must be one or more",
                received: "inputs \(inputs.shape), labels \(labels.shape)")
        }
        self.inputs = inputs
        self.labels = try training { () throws(ShapeError) in
            try labels.convertedToInt64().reshaped(to: [count])
        }
    }

    /// The number of examples.
    public var count: Int { labels.shape[0] }

    /// The first `count` examples; all, where there are fewer.
    public func prefix(_ count: Int) throws(TrainingError) -> Dataset {
        guard count > 0 else {
            throw .data(rule: "a part of the data must have 1 example or more", received: "\(count)")
        }
        let count = min(count, self.count)
        let part = try training { () throws(ShapeError) in (try inputs.slice(0..<count), try labels.slice(0..<count)) }
        return try Dataset(inputs: part.0, labels: part.1)
    }
}

extension Tensor {
    /// Integer elements of any width as int64.
    func convertedToInt64() throws(ShapeError) -> Tensor {
        let values: [Int64]
        switch elementType {
        case .int64: return self
        case .int32: values = try scalars(as: Int32.self).map(Int64.init)
        case .int16: values = try scalars(as: Int16.self).map(Int64.init)
        case .int8: values = try scalars(as: Int8.self).map(Int64.init)
        case .uint8: values = try scalars(as: UInt8.self).map(Int64.init)
        case .uint16: values = try scalars(as: UInt16.self).map(Int64.init)
        case .uint32: values = try scalars(as: UInt32.self).map(Int64.init)
        default: throw .elementType(rule: "labels must be integers of at most 64 bits", received: elementType)
        }
        return try Tensor(values, shape: shape.dimensions)
    }
}
