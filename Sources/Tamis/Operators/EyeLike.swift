/// A matrix of the input's shape with ones on a diagonal and zeros elsewhere. ONNX's EyeLike. The input counts for its type
/// and shape alone.
public struct EyeLike: Operator, Hashable {
    /// How far the diagonal lies above the main one.
    public let diagonal: Int
    /// The type of the elements; nil: that of the input.
    public let elementType: ElementType?

    public init(diagonal: Int = 0, elementType: ElementType? = nil) {
        self.diagonal = diagonal
        self.elementType = elementType
    }

    public var kind: String { "EyeLike" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (own, dimensions) = try inputs.tensor(0, "like", rank: 2...2)
        let elementType = elementType ?? own
        guard elementType.isNumeric || [.bool, .bfloat16].contains(elementType) else {
            throw .elementType(rule: "EyeLike makes numbers or truth values", received: elementType)
        }
        return [.tensor(elementType, dimensions ?? [.unknown, .unknown])]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let y = context.outputs[0]
        let size = y.elementType.bitWidth / 8
        let (columns, diagonal) = (y.shape[1], max(-Shape.largest, min(diagonal, Shape.largest)))
        let one = try context.shaped { () throws(ShapeError) in try Tensor.one(y.elementType) }
        let run = max(1, (1 << 14) / max(1, columns))
        let rows = y.shape[0]
        var prepared = Prepared(
            "diagonal", tiles: (rows + run - 1) / run, bytes: rows * columns * size
        ) { bindings, tiles in
            for row in tiles.lowerBound * run..<min(rows, tiles.upperBound * run) {
                let target = bindings.output(0) + row * columns * size
                fillElements(columns, size, with: nil, at: target)
                let column = row + diagonal
                if column >= 0, column < columns {
                    (target + column * size).copyMemory(from: one.storage.base, byteCount: size)
                }
            }
            return .done
        }
        prepared.unreadInputs = [0]
        return prepared
    }
}

/// A one of a numeric type.
private struct One: NumericVisitor {
    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Result<Tensor, ShapeError> {
        do throws(ShapeError) { return .success(try Tensor(scalar: Scalar(wrapping: 1))) } catch {
            return .failure(error)
        }
    }
}

extension Tensor {
    /// One element of a type that has a one.
    fileprivate static func one(_ elementType: ElementType) throws(ShapeError) -> Tensor {
        switch elementType {
        case .bool: return try Tensor(scalar: true)
        case .bfloat16: return try Tensor(scalar: BFloat16(Float(1)))
        default:
            guard let one = elementType.visit(One()) else {
                throw .elementType(rule: "a one must be a number", received: elementType)
            }
            return try one.get()
        }
    }
}
