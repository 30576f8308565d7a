extension Operands {
    /// The value of an input of whole numbers (int32 or int64, one or a list), unless an attribute says it; nil where none is
    /// given or the value is not known yet.
    func integers(_ index: Int, _ role: String, unless attribute: [Int]? = nil) throws(ShapeError) -> [Int]? {
        guard attribute == nil, optional(index) != nil else { return attribute }
        let elementType = try tensor(index, role, rank: 0...1).elementType
        guard elementType == .int64 || elementType == .int32 else {
            throw .elementType(rule: "\(operatorName)'s \(role) must be int32 or int64", received: elementType)
        }
        return try optional(index)?.constant?.integers()
    }

    /// Throws unless the input at `index` has whole numbers for positions.
    func expectIndices(_ index: Int, _ role: String) throws(ShapeError) {
        let elementType = try tensor(index, role).elementType
        guard elementType == .int64 || elementType == .int32 else {
            throw .elementType(rule: "\(operatorName)'s \(role) must be int32 or int64", received: elementType)
        }
    }

    /// An axis of `rank`; a negative one counts from the end.
    func axis(_ axis: Int, rank: Int) throws(ShapeError) -> Int {
        guard (-rank..<rank).contains(axis) else {
            throw .mismatch(rule: "\(operatorName)'s axis must be one of \(rank) axes", received: "\(axis)")
        }
        return axis < 0 ? axis + rank : axis
    }

    /// The type of one input of floats that has the axis `axis`: that of an output which is as it.
    func floats(along axis: Int) throws(ShapeError) -> ValueType {
        try expect(count: 1...1)
        let (elementType, dimensions) = try floats(0, "x", rank: 1...64)
        _ = try self.axis(axis, rank: dimensions.count)
        return .tensor(elementType, dimensions)
    }

    /// Axes of `rank`, none of them twice; negative ones count from the end.
    func axes(_ axes: [Int], rank: Int) throws(ShapeError) -> [Int] {
        let found = try axes.map { (axis) throws(ShapeError) in try self.axis(axis, rank: rank) }
        guard Set(found).count == found.count else {
            throw .mismatch(rule: "\(operatorName)'s axes must each be given once", received: "\(axes)")
        }
        return found
    }
}

extension Tensor {
    /// The elements of a tensor of int32 or int64.
    func integers() throws(ShapeError) -> [Int] {
        elementType == .int32 ? try scalars(as: Int32.self).map(Int.init) : try scalars(as: Int64.self).map(Int.init)
    }
}

extension Preparation {
    /// The inputs as a shape rule sees them.
    var operands: Operands {
        Operands(
            inputs.indices.map { index in
                inputs[index].map { Operand(type: .tensor($0.elementType, $0.shape), constant: constant(index)) }
            }, operatorName: operatorName)
    }

    /// The bytes of an element of an input, for who moves elements whatever they mean.
    func elementBytes(_ index: Int) throws(PlanError) -> Int {
        let elementType = try input(index).elementType
        guard elementType.bitWidth >= 8 else {
            throw .unsupported(
                operator: operatorName, rule: "it moves elements of whole bytes", received: elementType.rawValue)
        }
        return elementType.bitWidth / 8
    }

    /// What `body` makes of shapes.
    func shaped<Result>(_ body: () throws(ShapeError) -> Result) throws(PlanError) -> Result {
        do throws(ShapeError) { return try body() } catch { throw .shape(error) }
    }
}

extension Permutation {
    /// The axis of the source that an axis of the result comes from; a negative one counts from the end, nil where there is
    /// none.
    func source(of axis: Int) -> Int? {
        let axis = axis < 0 ? axis + rank : axis
        return order.indices.contains(axis) ? order[axis] : nil
    }

    /// The order in which some of the result's axes come from those axes of the source.
    func keeping(_ axes: [Int]) -> Permutation? {
        let sources = axes.map { order[$0] }
        let ranks = Dictionary(
            sources.sorted().enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
        return try? Permutation(sources.compactMap { ranks[$0] })
    }
}
