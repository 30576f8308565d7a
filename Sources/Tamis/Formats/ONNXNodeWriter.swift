/// A node of an ONNX file in the making: a row of `ONNXOperators` adds its attributes.
public struct ONNXNodeWriter: Sendable {
    /// The version of ONNX's own operator set that the file is to have.
    public let version: Int
    /// The types of the operator's inputs, in Tamis's order of axes; nil where none is given.
    public let inputs: [ValueType?]
    /// The positions of inputs that the file adds to the first output, each in a node of its own.
    public var addends: [Int] = []
    /// What follows the operator, and those, as a node of its own.
    public var activation = Activation.linear

    /// Whether the node must have all its outputs, though nobody reads the last ones: their number means something.
    public var keepsOutputs = false

    private(set) var attributes: [ONNXAttribute] = []
    /// The models that are to be attributes, and the inputs that they read as values of the graph around them.
    private(set) var bodies: [(name: String, model: Model, captures: Range<Int>)] = []
    /// Inputs of the node that are attributes of the operator, by their positions.
    private(set) var constants: [Int: Tensor] = [:]
    private let place: String

    init(version: Int, inputs: [ValueType?], place: String) {
        self.version = version
        self.inputs = inputs
        self.place = place
    }

    /// Adds a whole number.
    public mutating func set(_ name: String, _ value: Int) { attributes.append(ONNXAttribute(name, .int(value))) }
    /// Adds whole numbers.
    public mutating func set(_ name: String, _ values: [Int]) { attributes.append(ONNXAttribute(name, .ints(values))) }
    /// Adds a float.
    public mutating func set(_ name: String, _ value: Double) {
        attributes.append(ONNXAttribute(name, .float(Float(value))))
    }
    /// Adds floats.
    public mutating func set(_ name: String, _ values: [Double]) {
        attributes.append(ONNXAttribute(name, .floats(values.map { Float($0) })))
    }
    /// Adds a text.
    public mutating func set(_ name: String, _ value: String) { attributes.append(ONNXAttribute(name, .string(value))) }
    /// Adds texts.
    public mutating func set(_ name: String, _ values: [String]) {
        attributes.append(ONNXAttribute(name, .strings(values)))
    }
    /// Adds a type of values.
    mutating func set(_ name: String, _ type: ValueType) {
        attributes.append(ONNXAttribute(name, .type(ONNXType(type))))
    }
    /// Adds a tensor.
    public mutating func set(_ name: String, _ value: Tensor) {
        attributes.append(ONNXAttribute(name, .tensor(ONNXTensor(value))))
    }

    /// Adds a model as a graph within: its last inputs are the operator's inputs `captures`, which the file has the graph
    /// read by their names.
    public mutating func set(_ name: String, _ model: Model, captures: Range<Int>) {
        bodies.append((name, model, captures))
    }

    /// Adds a graph within, as it is to stand in the file.
    mutating func set(_ name: String, _ graph: ONNXGraph) { attributes.append(ONNXAttribute(name, .graph(graph))) }

    /// Makes a tensor the input at `index`, which the operator does not have.
    public mutating func setInput(_ index: Int, _ tensor: Tensor) { constants[index] = tensor }

    /// Makes a whole number, an int64 without axes, the input at `index`.
    public mutating func setInput(_ index: Int, _ value: Int) throws(ExportError) {
        do throws(ShapeError) { setInput(index, try Tensor(scalar: Int64(value))) } catch {
            throw unsupported("\(error)")
        }
    }

    /// Makes whole numbers, a list of int64, the input at `index`.
    public mutating func setInput(_ index: Int, _ values: [Int]) throws(ExportError) {
        do throws(ShapeError) { setInput(index, try Tensor(values.map { Int64($0) })) } catch {
            throw unsupported("\(values.count) numbers (\(error))")
        }
    }

    /// Adds how a window slides over the images that are the first input; `countsPadding` where padded pixels make a
    /// difference to pixels that are not there.
    public mutating func set(_ window: WindowGeometry, countsPadding: Bool = false) {
        let window = withoutRounding(window, countsPadding: countsPadding)
        set("kernel_shape", window.kernel)
        if window.stride.contains(where: { $0 != 1 }) { set("strides", window.stride) }
        if window.dilation.contains(where: { $0 != 1 }) { set("dilations", window.dilation) }
        if window.roundsUp { set("ceil_mode", 1) }
        switch window.padding {
        case .valid: break
        case .explicit(let before, let after): set("pads", before + after)
        case .same, .sameLower:
            if let pads = fixedPads(of: window) {
                set("pads", pads)
            } else {
                set("auto_pad", window.padding == .same ? "SAME_UPPER" : "SAME_LOWER")
            }
        }
    }

    /// Adds how a transposed window lies over its output.
    public mutating func set(_ geometry: TransposedGeometry) {
        let window = geometry.window
        set("kernel_shape", window.kernel)
        if window.stride.contains(where: { $0 != 1 }) { set("strides", window.stride) }
        if window.dilation.contains(where: { $0 != 1 }) { set("dilations", window.dilation) }
        if geometry.outputPadding.contains(where: { $0 != 0 }) { set("output_padding", geometry.outputPadding) }
        if let output = geometry.output { set("output_shape", output) }
        switch window.padding {
        case .valid: break
        case .explicit(let before, let after): set("pads", before + after)
        case .same: set("auto_pad", "SAME_UPPER")
        case .sameLower: set("auto_pad", "SAME_LOWER")
        }
    }

    /// The window with the part of its last step that lies behind the image as padding, where that says the same.
    ///
    /// ONNX's shape inference counts a window that would start behind the padded image; onnxruntime and the operator's
    /// text do not. Without `ceil_mode` all agree.
    private func withoutRounding(_ window: WindowGeometry, countsPadding: Bool) -> WindowGeometry {
        guard window.roundsUp, let dimensions = inputs.first??.dimensions, dimensions.count == window.rank + 2 else {
            return window
        }
        var (before, after): ([Int], [Int]) = ([], [])
        for axis in 0..<window.rank {
            guard let extent = dimensions[axis + 1].value, extent > 0 else { return window }
            let extents = window.extents(axis: axis, input: extent)
            let span = (window.kernel[axis] - 1) * window.dilation[axis] + 1
            let needed = (extents.output - 1) * window.stride[axis] + span - extents.before - extent
            guard needed <= extents.after || (!countsPadding && needed < window.kernel[axis]) else { return window }
            before.append(extents.before)
            after.append(max(extents.after, needed))
        }
        let isPadded = (before + after).contains { $0 != 0 }
        let padding = isPadded ? WindowGeometry.Padding.explicit(before: before, after: after) : .valid
        let rounded = try? WindowGeometry(
            kernel: window.kernel, stride: window.stride, padding: padding, dilation: window.dilation)
        return rounded ?? window
    }

    /// The pixels that "same" adds to a dilated window, where they are known: onnxruntime takes no `auto_pad` then.
    private func fixedPads(of window: WindowGeometry) -> [Int]? {
        guard window.dilation.contains(where: { $0 != 1 }), let dimensions = inputs.first??.dimensions,
            dimensions.count == window.rank + 2
        else { return nil }
        var (before, after): ([Int], [Int]) = ([], [])
        for axis in 0..<window.rank {
            // At stride 1 the padding does not depend on the image.
            guard let extent = dimensions[axis + 1].value ?? (window.stride[axis] == 1 ? 1 : nil) else { return nil }
            let extents = window.extents(axis: axis, input: extent)
            before.append(extents.before)
            after.append(extents.after)
        }
        return before + after
    }

    /// The format, or this version of it, has no place for something.
    public func unsupported(_ feature: String) -> ExportError { .unsupported(feature, place: place) }
}
