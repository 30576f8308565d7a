import CTamisKernels
import Glibc
import TamisKernels

/// y = a ∘ b element by element, with numpy's broadcasting, of one numeric type. ONNX's Add, Sub, Mul, Div, Max, Min, Mod,
/// Pow and PRelu.
///
/// Integers wrap; dividing one by 0 is an error of the run.
public struct Arithmetic: DifferentiableOperator, Hashable {
    /// The function of two operands: a row of one table.
    public enum Function: String, Sendable, CaseIterable {
        case add = "Add"
        case subtract = "Sub"
        case multiply = "Mul"
        case divide = "Div"
        /// The larger one; NaN where either is.
        case maximum = "Max"
        /// The smaller one; NaN where either is.
        case minimum = "Min"
        /// a − ⌊a / b⌋ · b, which has the sign of b.
        case modulo = "Mod"
        /// a less the whole multiples of b towards 0, which has the sign of a: C's fmod and %.
        case remainder = "Remainder"
        /// a to the power b. Of integers, 0 for a negative b unless a is 1 or −1.
        case power = "Pow"
        /// a where it is 0 or more, a · b elsewhere; b stretches to the shape of a, not a to that of b.
        case prelu = "PRelu"

        /// The kernel for floats, where there is one.
        var kernel: tamis_binary? {
            switch self {
            case .add: TAMIS_ADD
            case .subtract: TAMIS_SUBTRACT
            case .multiply: TAMIS_MULTIPLY
            case .divide: TAMIS_DIVIDE
            case .maximum: TAMIS_MAXIMUM
            case .minimum: TAMIS_MINIMUM
            case .prelu: TAMIS_PRELU
            case .modulo, .remainder, .power: nil
            }
        }
    }

    /// What is done to each pair.
    public let function: Function

    public init(_ function: Function) { self.function = function }

    public var kind: String { function == .remainder ? Function.modulo.rawValue : function.rawValue }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, a) = try inputs.tensor(0, "a")
        try inputs.expect(elementType, of: 1, "b")
        guard elementType.isNumeric || elementType.isFloat else {
            throw .elementType(rule: "\(kind)'s operands must be numbers", received: elementType)
        }
        if function == .power, elementType.isInteger, elementType != .int32, elementType != .int64 {
            throw .elementType(rule: "Pow's operands must be floats, int32 or int64", received: elementType)
        }
        guard let a, let b = try inputs.tensor(1, "b").dimensions else { return [.tensor(elementType, nil)] }
        let dimensions = try Broadcast.dimensions(a, b, of: kind)
        if function == .prelu {
            // Free extents of a may still turn out as large as b's.
            guard dimensions.count == a.count, zip(dimensions, a).allSatisfy({ $1 != 1 || $0 == 1 || $0.value == nil })
            else {
                throw .mismatch(rule: "PRelu's b must stretch to the shape of its a", received: "\(b) for \(a)")
            }
            return [.tensor(elementType, a)]
        }
        return [.tensor(elementType, dimensions)]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.broadcastApart(images) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (a, b) = (try context.input(0), try context.input(1))
        let broadcast = try context.broadcast(a.shape, b.shape)
        let inPlace = [Prepared.InPlace(output: 0, input: 0), Prepared.InPlace(output: 0, input: 1)]
        let bytes = 3 * a.elementType.bitWidth / 8
        if let kernel = function.kernel, a.elementType.isComputable {
            let kernels = try context.kernels(for: a.elementType)
            return broadcast.prepared("element-wise", bytesPerElement: bytes, inPlace: inPlace) { bindings, block in
                kernels.apply(kernel, to: block, bindings.input(0), bindings.input(1), bindings.output(0))
                return .done
            }
        }
        if function == .power, a.elementType.isComputable, let exponent = context.single(1),
            let prepared = try constantPower(exponent, a, context)
        {
            return prepared
        }
        guard let body = a.elementType.visit(ElementLoop(function: function)) else {
            throw .unsupported(operator: kind, rule: "it computes with numbers", received: a.elementType.rawValue)
        }
        return broadcast.prepared(
            "element-wise, \(a.elementType)", bytesPerElement: bytes, slowness: function == .power ? 500 : 50,
            inPlace: inPlace, body: body)
    }

    /// The powers that are a product or a root.
    private func constantPower(
        _ exponent: Double, _ a: Preparation.Tensor, _ context: Preparation
    ) throws(PlanError) -> Prepared? {
        guard a.shape == context.outputs[0].shape else { return nil }
        let kernels = try context.kernels(for: a.elementType)
        let size = kernels.type.byteCount
        let body: @Sendable (Int, UnsafeRawPointer, UnsafeMutableRawPointer) -> Void
        switch exponent {
        case 2: body = { kernels.binary(1, $0, TAMIS_MULTIPLY, $1, $0, 1, $1, $0, 1, $2) }
        case 0.5: body = { kernels.unary($0, TAMIS_SQUARE_ROOT, $1, $2) }
        case -1: body = { kernels.unary($0, TAMIS_RECIPROCAL, $1, $2) }
        default: return nil
        }
        var prepared = Prepared.elementwise(
            "element-wise, power \(exponent)", count: a.shape.elementCount, bytesPerElement: 2 * size,
            inPlace: [Prepared.InPlace(output: 0, input: 0)]
        ) { bindings, first, count in
            body(count, bindings.input(0) + first * size, bindings.output(0) + first * size)
        }
        prepared.unreadInputs = [1]
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        .broadcasting(self, by: order, inputs: inputs)
    }
}

/// The function on scalars of any type.
private struct ElementLoop: NumericVisitor {
    let function: Arithmetic.Function

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Broadcast.Body {
        let function = function
        let zero = Scalar(wrapping: 0)
        return { bindings, block in
            var dividesByZero = false
            switch function {
            case .add: block.map(bindings, Scalar.sum)
            case .subtract: block.map(bindings, Scalar.difference)
            case .multiply: block.map(bindings, Scalar.product)
            case .maximum: block.map(bindings) { (a: Scalar, b: Scalar) in a > b || a.isNotANumber ? a : b }
            case .minimum: block.map(bindings) { (a: Scalar, b: Scalar) in a < b || a.isNotANumber ? a : b }
            case .prelu: block.map(bindings) { (a: Scalar, b: Scalar) in a < zero ? Scalar.product(a, b) : a }
            case .power: block.map(bindings, Scalar.power)
            case .divide:
                block.map(bindings) { (a: Scalar, b: Scalar) in
                    if b == zero { dividesByZero = true }
                    return Scalar.quotient(a, b)
                }
            case .remainder:
                block.map(bindings) { (a: Scalar, b: Scalar) in
                    if b == zero { dividesByZero = true }
                    return Scalar.remainder(a, b)
                }
            case .modulo:
                block.map(bindings) { (a: Scalar, b: Scalar) in
                    if b == zero { dividesByZero = true }
                    return Scalar.modulo(a, b)
                }
            }
            return dividesByZero && Scalar.isInteger ? .divisionByZero : .done
        }
    }
}

extension NumericScalar {
    /// a − ⌊a / b⌋ · b; 0 has the sign of b.
    fileprivate static func modulo(_ a: Self, _ b: Self) -> Self {
        let zero = Self(wrapping: 0)
        let rest = remainder(a, b)
        if rest == zero { return isInteger ? zero : Self(nearest: b < zero ? -0.0 : 0) }
        return (rest < zero) != (b < zero) ? sum(rest, b) : rest
    }

    /// a to the power b.
    fileprivate static func power(_ a: Self, _ b: Self) -> Self {
        guard isInteger else { return Self(nearest: pow(a.double, b.double)) }
        let one = Self(wrapping: 1)
        var (exponent, factor, result) = (b.int64, a, one)
        if exponent < 0 {
            if a == one { return one }
            return a == Self(wrapping: -1) ? (exponent & 1 == 0 ? one : a) : Self(wrapping: 0)
        }
        while exponent > 0 {
            if exponent & 1 == 1 { result = product(result, factor) }
            factor = product(factor, factor)
            exponent >>= 1
        }
        return result
    }
}

extension KernelTable {
    /// Applies a function of two operands to a block.
    func apply(
        _ function: tamis_binary, to block: Broadcast.Block, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
        _ y: UnsafeMutableRawPointer
    ) {
        let size = type.byteCount
        self.binary(
            block.rows, block.count, function, a + block.a.first * size, block.a.row, block.a.step,
            b + block.b.first * size, block.b.row, block.b.step, y + block.first * size)
    }
}

extension Preparation {
    /// How the shapes of inputs meet.
    func broadcast(_ a: Shape, _ b: Shape, _ c: Shape = .scalar) throws(PlanError) -> Broadcast {
        do throws(ShapeError) { return try Broadcast(a, b, c) } catch { throw .shape(error) }
    }

    /// The value of an input that is the same in each run and has one element.
    func single(_ index: Int) -> Double? {
        guard let constant = constant(index), constant.shape.elementCount == 1 else { return nil }
        return (try? constant.doubles())?.first
    }
}
