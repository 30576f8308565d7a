/// How far a value is from what it should be.
public struct ValueDifference: Sendable, Encodable {
    /// The largest difference of two elements, as a part of the largest reference value; ∞ where an element is no number on
    /// one side alone, or the shapes differ.
    public private(set) var error = 0.0
    /// The largest difference itself.
    public private(set) var absoluteError = 0.0
    /// The largest absolute value of the reference.
    public private(set) var largest = 0.0
    /// Where the largest difference is: an index an axis, after that of the tensor in a sequence.
    public private(set) var position: [Int] = []
    /// What stands there.
    public private(set) var received = ""
    /// What should stand there.
    public private(set) var expected = ""
    /// Whether all bits are the same.
    public private(set) var hasSameBits = true

    /// Compares a value with its reference.
    public init(_ value: Value, _ reference: Value) {
        compare(value, reference, at: [])
        if hasSameBits { return }
        if absoluteError > 0 { error = largest > 0 ? absoluteError / largest : .infinity }
    }

    private mutating func compare(_ value: Value, _ reference: Value, at place: [Int]) {
        switch (value, reference) {
        case (.tensor(let tensor), .tensor(let other)): compare(tensor, other, at: place)
        case (.sequence(let elements), .sequence(let others)):
            guard elements.count == others.count else {
                return miss(place, "\(elements.count) values", "\(others.count) values")
            }
            for index in elements.indices { compare(elements[index], others[index], at: place + [index]) }
        case (.optional(nil), .optional(nil)): return
        case (.optional(let element?), .optional(let other?)): compare(element, other, at: place)
        default: miss(place, value.kind, reference.kind)
        }
    }

    private mutating func miss(_ place: [Int], _ received: String, _ expected: String) {
        hasSameBits = false
        guard absoluteError < .infinity else { return }
        absoluteError = .infinity
        (position, self.received, self.expected) = (place, received, expected)
    }

    private mutating func compare(_ tensor: Tensor, _ other: Tensor, at place: [Int]) {
        guard tensor.shape == other.shape else {
            return miss(place, "the shape \(tensor.shape)", "the shape \(other.shape)")
        }
        if tensor.elementType == other.elementType {
            if tensor == other {
                largest = max(largest, (try? other.doubles())?.lazy.filter(\.isFinite).map(abs).max() ?? 0)
                return
            }
        }
        hasSameBits = false
        guard let values = try? tensor.doubles(), let others = try? other.doubles() else {
            if tensor.elementType != other.elementType || !hasSameElements(tensor, other) {
                miss(place, "\(tensor.elementType)", "another \(other.elementType)")
            }
            return
        }
        var worst = (index: -1, difference: absoluteError)
        for index in values.indices {
            let (a, b) = (values[index], others[index])
            if b.isFinite { largest = max(largest, abs(b)) }
            if a == b || (a.isNaN && b.isNaN) { continue }
            let difference = abs(a - b)
            // NaN on one side, or ∞, is as wrong as can be.
            let size = difference.isFinite ? difference : .infinity
            if size > worst.difference { worst = (index, size) }
        }
        guard worst.index >= 0 else { return }
        absoluteError = worst.difference
        received = "\(values[worst.index])"
        expected = "\(others[worst.index])"
        position = place + tensor.shape.indices(of: worst.index)
    }

    private func hasSameElements(_ tensor: Tensor, _ other: Tensor) -> Bool {
        if let strings = try? tensor.strings(), let others = try? other.strings() { return strings == others }
        return tensor.withUnsafeBytes { bytes in
            other.withUnsafeBytes { bytes.elementsEqual($0) }
        }
    }
}

extension Value {
    fileprivate var kind: String {
        switch self {
        case .tensor: "a tensor"
        case .sequence: "a sequence"
        case .optional(nil): "nothing"
        case .optional: "an optional value"
        }
    }
}

extension Shape {
    /// The index along each axis of the element at a position in row-major order.
    fileprivate func indices(of position: Int) -> [Int] {
        zip(strides, dimensions).map { stride, extent in position / max(stride, 1) % max(extent, 1) }
    }
}
