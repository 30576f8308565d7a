import CTamisKernels
import Glibc
import TamisKernels

/// y = f(x), element by element. ONNX's functions of one operand that are no activations.
public struct Unary: DifferentiableOperator {
    /// The function: a row of one table.
    public enum Function: String, Sendable, CaseIterable {
        case absolute = "Abs"
        case negate = "Neg"
        case sign = "Sign"
        case floor = "Floor"
        case ceiling = "Ceil"
        /// Halves go to the even neighbour.
        case round = "Round"
        case squareRoot = "Sqrt"
        case reciprocal = "Reciprocal"
        case exponential = "Exp"
        case logarithm = "Log"
        case errorFunction = "Erf"
        case sine = "Sin"
        case cosine = "Cos"
        case tangent = "Tan"
        case arcSine = "Asin"
        case arcCosine = "Acos"
        case arcTangent = "Atan"
        case hyperbolicSine = "Sinh"
        case hyperbolicCosine = "Cosh"
        case areaSine = "Asinh"
        case areaCosine = "Acosh"
        case areaTangent = "Atanh"
        /// Of booleans.
        case not = "Not"
        /// Of integers.
        case bitwiseNot = "BitwiseNot"
        /// Gives booleans.
        case isNaN = "IsNaN"
        /// Of both signs; gives booleans.
        case isInfinite = "IsInf"
        case isPositiveInfinity = "IsPositiveInf"
        case isNegativeInfinity = "IsNegativeInf"
    }

    /// What is done to each element.
    public let function: Function

    public init(_ function: Function) { self.function = function }

    public var kind: String { function.asksForInfinity ? Function.isInfinite.rawValue : function.rawValue }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        let (isAllowed, wanted) =
            switch function {
            case .absolute, .negate, .sign: (elementType.isNumeric || elementType.isFloat, "numbers")
            case .not: (elementType == .bool, "booleans")
            case .bitwiseNot: (elementType.isInteger, "integers")
            default: (elementType.isFloat, "floats")
            }
        guard isAllowed else { throw .elementType(rule: "\(kind)'s x must be \(wanted)", received: elementType) }
        return [.tensor(function == .isNaN || function.asksForInfinity ? .bool : elementType, dimensions)]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let size = x.elementType.bitWidth / 8
        let isSameType = context.outputs[0].elementType == x.elementType
        let inPlace = isSameType ? [Prepared.InPlace(output: 0, input: 0)] : []
        if x.elementType.isComputable, let kernel = function.kernel {
            let kernels = try context.kernels(for: x.elementType)
            return .elementwise(
                "element-wise", count: x.shape.elementCount, bytesPerElement: 2 * size, slowness: 40, inPlace: inPlace
            ) { bindings, first, count in
                kernels.unary(count, kernel, bindings.input(0) + first * size, bindings.output(0) + first * size)
            }
        }
        // A boolean is a byte of 0 or 1.
        let elementType = x.elementType == .bool ? .uint8 : x.elementType
        guard let body = elementType.visit(ElementLoop(function: function)) else {
            throw .unsupported(operator: kind, rule: "it computes with numbers", received: x.elementType.rawValue)
        }
        return .elementwise(
            "element-wise, \(x.elementType)", count: x.shape.elementCount, bytesPerElement: 2 * size,
            slowness: function.ofDouble == nil ? 20 : 1000, inPlace: inPlace, body: body)
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        PermutedOperator(operation: self, inputs: [order], outputs: [order])
    }
}

extension Unary.Function {
    /// Whether it is one of the forms of IsInf.
    var asksForInfinity: Bool { self == .isInfinite || self == .isPositiveInfinity || self == .isNegativeInfinity }

    /// The kernel for floats, where there is one.
    fileprivate var kernel: tamis_unary? {
        switch self {
        case .absolute: TAMIS_ABSOLUTE
        case .negate: TAMIS_NEGATE
        case .floor: TAMIS_FLOOR
        case .ceiling: TAMIS_CEILING
        case .round: TAMIS_ROUND
        case .squareRoot: TAMIS_SQUARE_ROOT
        case .reciprocal: TAMIS_RECIPROCAL
        case .exponential: TAMIS_EXPONENTIAL
        case .logarithm: TAMIS_LOGARITHM
        case .errorFunction: TAMIS_ERROR_FUNCTION
        default: nil
        }
    }

    /// The function of the C library for what has no kernel: float32 is computed by it too.
    fileprivate var ofDouble: (@Sendable (Double) -> Double)? {
        switch self {
        case .sine: { sin($0) }
        case .cosine: { cos($0) }
        case .tangent: { tan($0) }
        case .arcSine: { asin($0) }
        case .arcCosine: { acos($0) }
        case .arcTangent: { atan($0) }
        case .hyperbolicSine: { sinh($0) }
        case .hyperbolicCosine: { cosh($0) }
        case .areaSine: { asinh($0) }
        case .areaCosine: { acosh($0) }
        case .areaTangent: { atanh($0) }
        default: nil
        }
    }
}

/// The function of scalars of any type.
private struct ElementLoop: NumericVisitor {
    let function: Unary.Function

    func visit<Scalar: NumericScalar>(
        _ type: Scalar.Type
    ) -> @Sendable (borrowing Bindings, _ first: Int, _ count: Int) -> Void {
        let (function, ofDouble) = (function, function.ofDouble)
        let zero = Scalar(wrapping: 0)
        return { bindings, first, count in
            @inline(__always)
            func map<Result>(_ function: (Scalar) -> Result) {
                let x = bindings.input(0).assumingMemoryBound(to: Scalar.self) + first
                let y = bindings.output(0).assumingMemoryBound(to: Result.self) + first
                for index in 0..<count { y[index] = function(x[index]) }
            }
            switch function {
            case .absolute: map { $0 < zero ? Scalar.difference(zero, $0) : $0 }
            case .negate: map { Scalar.difference(zero, $0) }
            case .sign:
                map { $0 > zero ? Scalar(wrapping: 1) : $0 < zero ? Scalar(wrapping: -1) : $0 == zero ? zero : $0 }
            case .not: map { $0 == zero ? UInt8(1) : 0 }
            case .bitwiseNot: map { Scalar(wrapping: ~$0.int64) }
            case .isNaN: map { $0.isNotANumber }
            case .isInfinite: map { !Scalar.isInteger && ($0 == .highest || $0 == .lowest) }
            case .isPositiveInfinity: map { !Scalar.isInteger && $0 == .highest }
            case .isNegativeInfinity: map { !Scalar.isInteger && $0 == .lowest }
            default: if let ofDouble { map { Scalar(nearest: ofDouble($0.double)) } }
            }
        }
    }
}
