import TamisKernels

/// A tensor with other extents, each element a weighted sum of those near the place it comes from. ONNX's Resize (and
/// Upsample, which came before it).
///
/// Inputs: x, then, all constants: the region to take (first the starts of all axes, then the ends, as parts of the extent;
/// for `Coordinates.cropAndResize` alone), the scales or the sizes, one of both, a number for each of `axes`.
public struct Resize: DifferentiableOperator, Hashable {
    /// What is made of the elements near a place.
    public enum Mode: String, Sendable {
        /// The nearest one; for all types of whole bytes.
        case nearest
        /// The two nearest on each axis, weighted by how near they are.
        case linear
        /// The four nearest on each axis, weighted by Keys's cubic (1981).
        case cubic
    }

    /// From where in the input a place of the output comes.
    public enum Coordinates: String, Sendable {
        /// (x + ½) / scale − ½
        case halfPixel = "half_pixel"
        /// The same, with the centres of both images on each other where the output's extent is a rounded one.
        case halfPixelSymmetric = "half_pixel_symmetric"
        /// (x + ½) / scale − ½, and 0 where the output has one place.
        case pytorchHalfPixel = "pytorch_half_pixel"
        /// x · (input − 1) / (output − 1)
        case alignCorners = "align_corners"
        /// x / scale
        case asymmetric
        /// (x + ½) / scale
        case nearestHalfPixel = "tf_half_pixel_for_nn"
        /// The corners of a region of the input become those of the output; what lies outside the input takes a value of its
        /// own.
        case cropAndResize = "tf_crop_and_resize"
    }

    /// Which of two elements is the nearest.
    public enum Rounding: String, Sendable {
        case preferFloor = "round_prefer_floor"
        case preferCeil = "round_prefer_ceil"
        case floor
        case ceil
    }

    /// What sizes say.
    public enum AspectRatio: String, Sendable {
        /// The extents.
        case stretch
        /// The largest extents that none of the output's is larger than, all of one scale.
        case notLarger = "not_larger"
        /// The smallest extents that none of the output's is smaller than, all of one scale.
        case notSmaller = "not_smaller"
    }

    /// What is made of the elements near a place.
    public var mode: Mode
    /// From where a place of the output comes.
    public var coordinates = Coordinates.halfPixel
    /// Which element is the nearest.
    public var rounding = Rounding.preferFloor
    /// What sizes say.
    public var aspectRatio = AspectRatio.stretch
    /// The axes that scales, sizes and regions are about; nil: all in order.
    public var axes: [Int]?
    /// Whether the weights reach as far as a place of the output does where the tensor shrinks.
    public var antialiases = false
    /// Whether elements outside count for nothing, the others more; else they are those of the border.
    public var excludesOutside = false
    /// The coefficient a of the cubic.
    public var cubicCoefficient = -0.75
    /// The value of what comes from outside the input with `Coordinates.cropAndResize`.
    public var extrapolationValue = 0.0

    public init(_ mode: Mode = .nearest) { self.mode = mode }

    public var kind: String { "Resize" }
    public var valueOperands: [Int] { coordinates == .cropAndResize ? [1, 2, 3] : [2, 3] }
    public var widensHalves: Bool { mode != .nearest || coordinates == .cropAndResize }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...4)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        switch mode {
        case .nearest where elementType.bitWidth >= 8: break
        case .linear where elementType.isFloat || elementType.isInteger: break
        case .cubic where elementType.isFloat || elementType.isInteger: break
        default:
            throw .elementType(
                rule: "Resize takes numbers, or elements of whole bytes if nearest", received: elementType)
        }
        guard !antialiases || mode != .nearest else {
            throw .mismatch(rule: "Resize antialiases if it is linear or cubic", received: "nearest")
        }
        guard let dimensions else { return [.tensor(elementType, nil)] }
        let numbers = try ResizeNumbers(inputs, of: self, rank: dimensions.count)
        let output = try numbers.extents(of: dimensions).map(\.dimension)
        return [.tensor(elementType, output)]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        coordinates != .cropAndResize && inputs.hold(images, exactlyAt: [0])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        try context.takeTables(of: x.shape, context.outputs[0].shape)
        let axes = try context.shaped { () throws(ShapeError) in
            try ResizeNumbers(context, of: self, first: 1, rank: x.shape.rank).sampledAxes(of: x.shape)
        }
        var prepared =
            mode == .nearest
            ? Resampling.gather(x.shape, axes, elementBytes: x.elementType.bitWidth / 8)
            : try Resampling.weigh(x.shape, axes, x.elementType, level: context.level)
        if axes.contains(where: { !$0.outside.isEmpty }) {
            guard
                let fill = x.elementType.visit(
                    OutsideFill(axes: axes, shape: context.outputs[0].shape, value: extrapolationValue))
            else {
                throw .unsupported(
                    operator: kind, rule: "numbers may take an extrapolation value", received: x.elementType.rawValue)
            }
            prepared.stages.append(fill)
        }
        prepared.unreadInputs = [1, 2, 3]
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        var moved = self
        var positions: [Int] = []
        for axis in axes ?? Array(0..<order.rank) {
            let axis = axis < 0 ? axis + order.rank : axis
            guard order.order.indices.contains(axis) else { return nil }
            positions.append(order.order[axis])
        }
        moved.axes = positions == Array(0..<order.rank) ? nil : positions
        return PermutedOperator(
            operation: moved, inputs: [order] + inputs.all.dropFirst().map { _ in nil }, outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        guard wanted[0], let dy = outputs[0] else { return gradients }
        gradients[0] = try graph.append(
            ResizeGradient(resize: self), [dy] + node.inputs, name: "\(node.name)/gradient")[0]
        return gradients
    }
}

/// The gradient of Resize: each element takes what it gave.
///
/// Inputs: dy, then those of Resize, x for its shape alone; dx: as x.
public struct ResizeGradient: Operator {
    /// What was done.
    public let resize: Resize

    public init(resize: Resize) { self.resize = resize }

    public var kind: String { "ResizeGradient" }
    public var valueOperands: [Int] { resize.valueOperands.map { $0 + 1 } }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...5)
        let y = try resize.outputTypes(for: Operands(Array(inputs.all.dropFirst()), operatorName: kind))
        try inputs.expect(y[0], of: 0, "dy")
        let (elementType, dimensions) = try inputs.tensor(1, "x")
        guard elementType.isComputable else {
            throw .elementType(rule: "ResizeGradient's x must be float32 or float64", received: elementType)
        }
        return [.tensor(elementType, dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (dy, x) = (try context.input(0), try context.input(1))
        try context.takeTables(of: x.shape, dy.shape)
        let axes = try context.shaped { () throws(ShapeError) in
            try ResizeNumbers(context, of: resize, first: 2, rank: x.shape.rank).sampledAxes(of: x.shape)
        }
        var prepared = try Resampling.weigh(
            dy.shape, axes.map(\.transposed), dy.elementType, level: context.level)
        prepared.unreadInputs = [1, 2, 3, 4]
        return prepared
    }
}

extension Preparation {
    /// Takes account of the tables of places and weights: for each place of an axis, up to 256 bytes while they are made.
    fileprivate func takeTables(of shapes: Shape...) throws(PlanError) {
        for shape in shapes { try take(256 * shape.dimensions.reduce(0, +)) }
    }
}
