/// The best boxes of each class, none of which overlaps a better one by more than a threshold. ONNX's NonMaxSuppression.
///
/// Inputs: boxes: N × boxes × 4, scores: N × classes × boxes (float32), then, optional, the most boxes of a class (int64; 0
/// if not given), the largest overlap (intersection over union; 0 if not given) and the score that a box must exceed. y
/// (int64): selected × 3: the image, the class and the box, image by image, class by class, best first; of equal scores
/// the first box.
public struct NonMaxSuppression: DynamicOperator, Hashable {
    /// Whether boxes are given by their middle, width and height (x, y, w, h); else by two corners (y, x, y, x).
    public let isCentered: Bool

    public init(isCentered: Bool = false) { self.isCentered = isCentered }

    public var kind: String { "NonMaxSuppression" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...5)
        let (boxType, boxes) = try inputs.tensor(0, "boxes", rank: 3...3)
        let (scoreType, scores) = try inputs.tensor(1, "scores", rank: 3...3)
        for (role, elementType) in [("boxes", boxType), ("scores", scoreType)] where elementType != .float32 {
            throw .elementType(rule: "NonMaxSuppression's \(role) must be float32", received: elementType)
        }
        if let boxes {
            try inputs.expect(boxes[2], equals: 4, "numbers of a box")
            if let scores {
                _ = try inputs.common(boxes[0], scores[0], "images")
                _ = try inputs.common(boxes[1], scores[2], "boxes")
            }
        }
        for (index, elementType) in [(2, ElementType.int64), (3, .float32), (4, .float32)]
        where inputs.optional(index) != nil {
            let received = try inputs.tensor(index, "number", rank: 0...1).elementType
            guard received == elementType else {
                throw .elementType(
                    rule: "NonMaxSuppression's input \(index) must be \(elementType)", received: received)
            }
        }
        return [.tensor(.int64, [.unknown, 3])]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        func tensor(_ index: Int) -> Tensor? { index < inputs.count ? inputs[index]?.tensor : nil }
        guard let boxes = tensor(0), let scores = tensor(1), boxes.shape.rank == 3, scores.shape.rank == 3,
            boxes.shape[2] == 4, boxes.shape[0] == scores.shape[0], boxes.shape[1] == scores.shape[2]
        else {
            throw .value(
                rule: "NonMaxSuppression's boxes must be N × boxes × 4, its scores N × classes × boxes",
                received: "\(tensor(0)?.shape ?? .scalar) and \(tensor(1)?.shape ?? .scalar)")
        }
        do throws(ShapeError) {
            let most = try tensor(2)?.scalars(as: Int64.self).first ?? 0
            let overlap = try tensor(3)?.scalars(as: Float.self).first ?? 0
            let least = try tensor(4)?.scalars(as: Float.self).first
            try MemoryUse.expect(8 * (boxes.byteCount + scores.byteCount))
            let (corners, values) = (try boxes.scalars(as: Float.self), try scores.scalars(as: Float.self))
            let (count, classes) = (boxes.shape[1], scores.shape[1])
            var selected: [Int64] = []
            for image in 0..<boxes.shape[0] {
                let own = (0..<count).map { Box(corners[((image * count + $0) * 4)...].prefix(4), isCentered) }
                for category in 0..<classes {
                    let first = (image * classes + category) * count
                    let best = select(
                        own, scores: values[first..<first + count], most: Int(clamping: most), overlap: overlap,
                        least: least)
                    for box in best { selected += [Int64(image), Int64(category), Int64(box)] }
                }
            }
            return [.tensor(try Tensor(selected, shape: [selected.count / 3, 3]))]
        } catch {
            throw .value(rule: "NonMaxSuppression's inputs must have its types", received: "\(error)")
        }
    }

    /// The boxes of one class that are selected, best first.
    private func select(
        _ boxes: [Box], scores: ArraySlice<Float>, most: Int, overlap: Float, least: Float?
    ) -> [Int] {
        let candidates = scores.enumerated().filter { score in least.map { score.element > $0 } ?? true }
        // What is no number comes last.
        let ordered = candidates.sorted { left, right in
            let (a, b) = (
                left.element.isNaN ? -.infinity : left.element, right.element.isNaN ? -.infinity : right.element
            )
            return a == b ? left.offset < right.offset : a > b
        }
        var selected: [Int] = []
        for (box, _) in ordered {
            if selected.count >= most { break }
            if selected.allSatisfy({ !boxes[box].overlaps(boxes[$0], above: overlap) }) { selected.append(box) }
        }
        return selected
    }
}

/// A box by its ends on both axes.
private struct Box {
    let left: Float
    let right: Float
    let top: Float
    let bottom: Float

    init(_ numbers: ArraySlice<Float>, _ isCentered: Bool) {
        let n = Array(numbers)
        if isCentered {
            (left, right) = (n[0] - n[2] / 2, n[0] + n[2] / 2)
            (top, bottom) = (n[1] - n[3] / 2, n[1] + n[3] / 2)
        } else {
            (left, right) = (min(n[1], n[3]), max(n[1], n[3]))
            (top, bottom) = (min(n[0], n[2]), max(n[0], n[2]))
        }
    }

    private var area: Float { (right - left) * (bottom - top) }

    /// Whether the intersection is more than `threshold` of the union.
    func overlaps(_ other: Box, above threshold: Float) -> Bool {
        let width = min(right, other.right) - max(left, other.left)
        let height = min(bottom, other.bottom) - max(top, other.top)
        guard width > 0, height > 0 else { return false }
        let intersection = width * height
        let union = area + other.area - intersection
        guard intersection > 0, area > 0, other.area > 0, union > 0 else { return false }
        return intersection / union > threshold
    }
}
