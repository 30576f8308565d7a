/// What is known of an operator's input before anything runs: its type, and its value where that is constant.
public struct Operand: Sendable {
    /// The type, free dimensions included.
    public var type: ValueType
    /// The value, where it is the same in each run.
    public var constant: Tensor?

    public init(type: ValueType, constant: Tensor? = nil) {
        self.type = type
        self.constant = constant
    }
}

/// The inputs of a shape rule, read by position with errors that say what the rule wanted.
///
/// An optional input that is not given is nil.
public struct Operands: Sendable {
    /// The inputs in order.
    public let all: [Operand?]
    let operatorName: String

    package init(_ all: [Operand?], operatorName: String) {
        self.all = all
        self.operatorName = operatorName
    }

    /// The number of inputs.
    public var count: Int { all.count }

    /// The input at `index`, or nil where none is given.
    public func optional(_ index: Int) -> Operand? { index < all.count ? all[index] : nil }

    /// Throws unless between `counts` inputs are given.
    public func expect(count counts: ClosedRange<Int>) throws(ShapeError) {
        guard counts.contains(count) else {
            let rule = counts.count == 1 ? "\(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
            throw .mismatch(rule: "\(operatorName) takes \(rule) inputs", received: "\(count)")
        }
    }

    /// The element type and dimensions of the tensor at `index`; dimensions of the wanted rank, unknown where nothing is
    /// known.
    public func tensor(_ index: Int, _ role: String, rank: ClosedRange<Int>? = nil) throws(ShapeError) -> (
        elementType: ElementType, dimensions: [Dimension]?
    ) {
        guard let operand = optional(index) else {
            throw .mismatch(rule: "\(operatorName) needs the input \"\(role)\"", received: "none")
        }
        guard case .tensor(let elementType, let dimensions) = operand.type else {
            throw .mismatch(rule: "\(operatorName)'s \(role) must be a tensor", received: "\(operand.type)")
        }
        if let rank, let dimensions, !rank.contains(dimensions.count) {
            let wanted = rank.count == 1 ? "\(rank.lowerBound)" : "\(rank.lowerBound) to \(rank.upperBound)"
            throw .mismatch(rule: "\(operatorName)'s \(role) must have \(wanted) axes", received: "\(operand.type)")
        }
        return (elementType, dimensions)
    }

    /// The same for a tensor that must be of floats, float32, float64 or those that are widened, and of known
    /// rank if `rank` leaves a choice.
    public func floats(_ index: Int, _ role: String, rank: ClosedRange<Int>) throws(ShapeError) -> (
        elementType: ElementType, dimensions: [Dimension]
    ) {
        let (elementType, dimensions) = try tensor(index, role, rank: rank)
        guard elementType.isFloat else {
            throw .elementType(
                rule: "\(operatorName)'s \(role) must be float32, float64, float16 or bfloat16", received: elementType)
        }
        if let dimensions { return (elementType, dimensions) }
        guard rank.count == 1 else {
            throw .mismatch(rule: "\(operatorName)'s \(role) must have a known number of axes", received: "any number")
        }
        return (elementType, Array(repeating: .unknown, count: rank.lowerBound))
    }

    /// Throws unless the input at `index` has the element type `elementType`.
    public func expect(_ elementType: ElementType, of index: Int, _ role: String) throws(ShapeError) {
        let received = try tensor(index, role).elementType
        guard received == elementType else {
            throw .elementType(
                rule: "\(operatorName)'s \(role) must be \(elementType), as its first input", received: received)
        }
    }

    /// Throws unless `dimension` is `wanted` or not known yet.
    public func expect(
        _ dimension: Dimension, equals wanted: Int, _ role: String
    ) throws(ShapeError) {
        if let value = dimension.value, value != wanted {
            throw .mismatch(rule: "\(operatorName)'s \(role) must be \(wanted)", received: "\(value)")
        }
    }

    /// Throws unless the tensor at `index` can have the type `wanted`: what is known of both agrees.
    public func expect(_ wanted: ValueType, of index: Int, _ role: String) throws(ShapeError) {
        let (elementType, dimensions) = try tensor(index, role)
        var fits = elementType == wanted.elementType
        if let dimensions, let wanted = wanted.dimensions {
            fits =
                fits && dimensions.count == wanted.count
                && zip(dimensions, wanted).allSatisfy { ($0.value ?? $1.value) == ($1.value ?? $0.value) }
        }
        guard fits else {
            throw .mismatch(
                rule: "\(operatorName)'s \(role) must be \(wanted)",
                received: "\(ValueType.tensor(elementType, dimensions))")
        }
    }

    /// The dimension that two inputs share: the better known of the two.
    public func common(_ left: Dimension, _ right: Dimension, _ role: String) throws(ShapeError) -> Dimension {
        switch (left, right) {
        case (.fixed(let a), .fixed(let b)) where a != b:
            throw .mismatch(rule: "\(operatorName)'s inputs must agree in \(role)", received: "\(a) and \(b)")
        case (.fixed, _): return left
        case (_, .fixed): return right
        case (.named, _): return left
        default: return right
        }
    }
}

extension Operands {
    /// Whether, of the inputs that are given, exactly those at `positions` are marked in `images`.
    func hold(_ images: [Bool], exactlyAt positions: Set<Int>) -> Bool {
        images.indices.allSatisfy { optional($0) == nil || images[$0] == positions.contains($0) }
    }

    /// Whether element-wise work on inputs that broadcast keeps images apart: those that hold images reach as far as the
    /// result, and no other has more than one extent along the images' axis.
    func broadcastApart(_ images: [Bool]) -> Bool {
        let ranks = all.map { $0?.type.dimensions?.count }
        guard let rank = ranks.compactMap(\.self).max() else { return false }
        return images.indices.allSatisfy { index in
            guard let operand = optional(index) else { return true }
            guard let dimensions = operand.type.dimensions else { return false }
            return images[index] ? dimensions.count == rank : dimensions.count < rank || dimensions.first == .fixed(1)
        }
    }

    /// Whether the first input alone holds images, and `axes`, which may count from its end, leave theirs alone.
    func keepApart(_ images: [Bool], workingAlong axes: [Int]) -> Bool {
        hold(images, exactlyAt: [0]) && leaveFirstAxis(axes)
    }

    /// Whether none of `axes`, which may count from the end of the first input, is the images'.
    func leaveFirstAxis(_ axes: [Int]) -> Bool {
        guard let rank = optional(0)?.type.dimensions?.count else { return false }
        return axes.allSatisfy { $0 != 0 && $0 != -rank }
    }
}
