import CTamisKernels
import TamisKernels

/// The sum, mean, largest … element over some axes. ONNX's ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd,
/// ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp and ReduceSumSquare.
///
/// Inputs: x, and where the axes follow from other values, those as int64.
public struct Reduce: DifferentiableOperator, Hashable {
    /// What is made of the elements: a row of one table.
    public enum Function: String, Sendable, CaseIterable {
        case sum = "ReduceSum"
        case mean = "ReduceMean"
        case largest = "ReduceMax"
        case smallest = "ReduceMin"
        case product = "ReduceProd"
        /// Σ |x|
        case l1 = "ReduceL1"
        /// √Σ x²
        case l2 = "ReduceL2"
        /// ln Σ x
        case logSum = "ReduceLogSum"
        /// ln Σ eˣ
        case logSumExponentials = "ReduceLogSumExp"
        /// Σ x²
        case sumOfSquares = "ReduceSumSquare"

        /// How the elements are joined.
        var kernel: tamis_reduction {
            switch self {
            case .sum, .mean, .logSum, .logSumExponentials: TAMIS_SUM
            case .largest: TAMIS_LARGEST
            case .smallest: TAMIS_SMALLEST
            case .product: TAMIS_PRODUCT
            case .l1: TAMIS_SUM_OF_ABSOLUTES
            case .l2, .sumOfSquares: TAMIS_SUM_OF_SQUARES
            }
        }

        /// Whether it is one by logarithms, which only floats have.
        var isLogarithmic: Bool { self == .logSum || self == .logSumExponentials }

        /// Whether that of one element is the element.
        var keepsSingles: Bool {
            switch self {
            case .sum, .mean, .largest, .smallest, .product: true
            case .l1, .l2, .logSum, .logSumExponentials, .sumOfSquares: false
            }
        }
    }

    /// What is made of the elements.
    public let function: Function
    /// The axes; negative ones count from the end. Where there are none and no second input: all.
    public let axes: [Int]
    /// Whether the axes stay, with one element each.
    public let keepsDimensions: Bool
    /// Whether no axes means none, not all.
    public let allowsNoAxes: Bool

    public init(_ function: Function, axes: [Int] = [], keepsDimensions: Bool = true, allowsNoAxes: Bool = false) {
        self.function = function
        self.axes = axes
        self.keepsDimensions = keepsDimensions
        self.allowsNoAxes = allowsNoAxes
    }

    public var kind: String { function.rawValue }
    public var valueOperands: [Int] { [1] }
    public var widensHalves: Bool { true }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard let axes = try inputs.optional(1)?.constant?.scalars(as: Int64.self) else { return nil }
        return Reduce(
            function, axes: axes.map { Int($0) }, keepsDimensions: keepsDimensions, allowsNoAxes: allowsNoAxes)
    }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        let isBoolean = elementType == .bool && (function == .largest || function == .smallest)
        guard elementType.isFloat || isBoolean || (elementType.isNumeric && !function.isLogarithmic) else {
            let types = function.isLogarithmic ? "floats" : "numbers"
            throw .elementType(rule: "\(kind)'s x must be \(types)", received: elementType)
        }
        let axesOperand = inputs.optional(1)
        if axesOperand != nil {
            let axesType = try inputs.tensor(1, "axes", rank: 0...1).elementType
            guard axesType == .int64 else {
                throw .elementType(rule: "\(kind)'s axes must be int64", received: axesType)
            }
        }
        guard let dimensions else { return [.tensor(elementType, nil)] }
        guard axesOperand == nil || axesOperand?.constant != nil else {
            let count = axesOperand?.type.dimensions?.first?.value
            let rank = keepsDimensions ? dimensions.count : count.flatMap { $0 > 0 ? dimensions.count - $0 : nil }
            return [.tensor(elementType, rank.map { Array(repeating: .unknown, count: max(0, $0)) })]
        }
        let reduced = try reducedAxes(rank: dimensions.count, axesOperand?.constant)
        return [.tensor(elementType, reduced.output(dimensions))]
    }

    /// The axes of a tensor of `rank` axes, given those that came as an input.
    func reducedAxes(rank: Int, _ given: Tensor?) throws(ShapeError) -> ReducedAxes {
        let named = try given?.integers() ?? axes
        let all = named.isEmpty && !allowsNoAxes ? Array(0..<rank) : named
        return try ReducedAxes(all, rank: rank, keepsDimensions: keepsDimensions, of: kind)
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        !axes.isEmpty && inputs.keepApart(images, workingAlong: axes)
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let reduced: ReducedAxes
        do throws(ShapeError) {
            reduced = try reducedAxes(rank: x.shape.rank, context.constant(1))
        } catch {
            throw .shape(error)
        }
        var prepared: Prepared
        if function.keepsSingles, reduced.axes.allSatisfy({ x.shape[$0] == 1 }) {
            prepared = .view
        } else if x.elementType.isComputable {
            prepared = try floats(x, reduced, context.kernels(for: x.elementType))
        } else {
            prepared = try others(x, reduced)
        }
        prepared.unreadInputs = [1]
        return prepared
    }

    private func floats(_ x: Preparation.Tensor, _ reduced: ReducedAxes, _ kernels: KernelTable) -> Prepared {
        if function == .logSumExponentials { return logSumExponentials(x, reduced, kernels) }
        let reduction = AxisReduction(
            x.shape.dimensions, isReduced: x.shape.dimensions.indices.map(reduced.axes.contains), kernels)
        let rest = function.keepsSingles ? function.kernel : TAMIS_SUM
        let (stages, workspace) = reduction.stages(
            function.kernel, rest, source: { $0.input(0) }, target: { $0.output(0) },
            finish: finish(kernels, count: reduction.count))
        return Prepared("rows", stages: stages, workspaceBytes: workspace)
    }

    /// What remains to be done to the sums.
    private func finish(_ kernels: KernelTable, count: Int) -> AxisReduction.Finish? {
        switch function {
        case .mean:
            return { results, columns in
                kernels.type.update(results, columns, { $0 / Float(count) }, { $0 / Double(count) })
            }
        case .l2:
            return { results, columns in
                kernels.type.update(results, columns, { $0.squareRoot() }, { $0.squareRoot() })
            }
        case .logSum:
            return { results, columns in kernels.unary(columns, TAMIS_LOGARITHM, results, results) }
        default: return nil
        }
    }

    /// The logarithm of a sum of exponentials has no two rounds: other axes between the reduced ones are moved away.
    private func logSumExponentials(
        _ x: Preparation.Tensor, _ reduced: ReducedAxes, _ kernels: KernelTable
    ) -> Prepared {
        let size = kernels.type.byteCount
        let rank = x.shape.rank
        let places = ReducedPlaces(x.shape, axes: reduced.axes)
        let count = places.count
        let moving = (0..<rank).filter { x.shape[$0] != 1 }
        let among = moving.filter(reduced.axes.contains)
        // outer × count × inner, if the reduced axes are neighbours.
        let first = moving.firstIndex { among.first == $0 } ?? 0
        let areNeighbours = Array(moving.dropFirst(first).prefix(among.count)) == among
        let inner = areNeighbours ? moving.dropFirst(first + among.count).reduce(1) { $0 * x.shape[$1] } : 1
        let outer = places.outputCount / max(1, inner)
        let run = max(1, (1 << 12) / max(1, count * inner))
        var stages: [Prepared.Stage] = []
        if !areNeighbours {
            let order = moving.filter { !among.contains($0) } + among
            let (extents, strides) = (order.map { x.shape[$0] }, order.map { x.shape.strides[$0] })
            stages.append(
                Prepared.Stage(bytes: 2 * x.shape.elementCount * size) { bindings, _ in
                    stridedCopy(extents, strides: strides, size, from: bindings.input(0), to: bindings.workspace)
                    return .done
                })
        }
        stages.append(
            Prepared.Stage(
                tiles: (outer + run - 1) / run, operations: Double(x.shape.elementCount), slowness: 30
            ) { bindings, tiles in
                let start = tiles.lowerBound * run
                let source = areNeighbours ? bindings.input(0) : UnsafeRawPointer(bindings.workspace)
                kernels.log_sum_exponentials(
                    min(tiles.upperBound * run, outer) - start, count, inner, source + start * count * inner * size,
                    bindings.output(0) + start * inner * size)
                return .done
            })
        return Prepared(
            "log-sum-exp", stages: stages, workspaceBytes: areNeighbours ? 0 : x.shape.elementCount * size)
    }

    /// Integers and booleans, one result after the other.
    private func others(_ x: Preparation.Tensor, _ reduced: ReducedAxes) throws(PlanError) -> Prepared {
        let places = ReducedPlaces(x.shape, axes: reduced.axes)
        let isBoolean = x.elementType == .bool
        let loops = ReduceLoops(function: function, places: places, isBoolean: isBoolean)
        guard let run = (isBoolean ? .uint8 : x.elementType).visit(loops) else {
            throw .unsupported(operator: kind, rule: "it reduces numbers", received: x.elementType.rawValue)
        }
        return Prepared(
            "element by element", stages: [places.stage(bytesPerElement: x.elementType.bitWidth / 8, body: run)])
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard inputs.count == 1, let reduced = try? reducedAxes(rank: order.rank, nil),
            let (moved, output) = reduced.permuted(by: order)
        else { return nil }
        return PermutedOperator(
            operation: Reduce(
                function, axes: axes.isEmpty ? [] : moved, keepsDimensions: keepsDimensions, allowsNoAxes: allowsNoAxes),
            inputs: [order], outputs: [output])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        guard wanted[0], let dy = outputs[0] else { return gradients }
        let axes = node.inputs.count > 1 ? [node.inputs[1]] : []
        gradients[0] = try graph.append(
            ReduceGradient(self), [node.inputs[0], node.outputs[0], dy] + axes, name: "\(node.name)/gradient")[0]
        return gradients
    }
}

/// The loops of a reduction over elements of any type.
private struct ReduceLoops: NumericVisitor {
    let function: Reduce.Function
    let places: ReducedPlaces
    let isBoolean: Bool

    func visit<Scalar: NumericScalar>(
        _ type: Scalar.Type
    ) -> @Sendable (borrowing Bindings, Range<Int>) -> KernelStatus {
        let (function, places) = (function, places)
        let highest = isBoolean ? Scalar(wrapping: 1) : Scalar.highest
        return { bindings, results in
            let x = bindings.input(0).assumingMemoryBound(to: Scalar.self)
            let y = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            let zero = Scalar(wrapping: 0)
            if function == .mean, places.count == 0, Scalar.isInteger, !results.isEmpty { return .divisionByZero }
            for index in results {
                func total(_ start: Scalar, _ join: (Scalar, Scalar) -> Scalar) -> Scalar {
                    var total = start
                    places.forEach(of: index) { total = join(total, x[$0]) }
                    return total
                }
                switch function {
                case .sum, .logSum, .logSumExponentials: y[index] = total(zero, Scalar.sum)
                case .mean:
                    y[index] = Scalar.quotient(total(zero, Scalar.sum), Scalar(wrapping: Int64(places.count)))
                case .largest:
                    y[index] = total(Scalar.lowest) { $1 > $0 || $1.isNotANumber ? $1 : $0 }
                case .smallest:
                    y[index] = total(highest) { $1 < $0 || $1.isNotANumber ? $1 : $0 }
                case .product: y[index] = total(Scalar(wrapping: 1), Scalar.product)
                case .l1:
                    y[index] = total(zero) { Scalar.sum($0, $1 < zero ? Scalar.difference(zero, $1) : $1) }
                case .sumOfSquares: y[index] = total(zero) { Scalar.sum($0, Scalar.product($1, $1)) }
                case .l2:
                    let squares = total(zero) { Scalar.sum($0, Scalar.product($1, $1)) }
                    y[index] = Scalar(nearest: squares.double.squareRoot())
                }
            }
            return .done
        }
    }
}

extension ScalarType {
    /// Replaces each of `count` scalars by a function of it.
    @inline(__always)
    func update(
        _ base: UnsafeMutableRawPointer, _ count: Int, _ float: (Float) -> Float, _ double: (Double) -> Double
    ) {
        switch self {
        case .float:
            let scalars = base.assumingMemoryBound(to: Float.self)
            for index in 0..<count { scalars[index] = float(scalars[index]) }
        case .double:
            let scalars = base.assumingMemoryBound(to: Double.self)
            for index in 0..<count { scalars[index] = double(scalars[index]) }
        }
    }
}
