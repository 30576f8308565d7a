import CTamisKernels
import TamisKernels

/// Convolution of quantised numbers, the sums taken as int32. ONNX's ConvInteger and QLinearConv on channel-last tensors.
///
/// x: N × spatial × C, w: kernel × C/groups × F; padding stands for x's zero point. Scales and zero points are one number
/// each; those of w may be one for each filter.
public struct QuantizedConv: Operator, Hashable {
    private let form: QuantizedForm
    /// How the window slides.
    public let window: WindowGeometry
    /// Groups of channels, each convolved with its own filters.
    public let groups: Int

    private init(_ form: QuantizedForm, window: WindowGeometry, groups: Int) {
        self.form = form
        self.window = window
        self.groups = groups
    }

    /// x, w and their zero points, which may be absent, to int32. ONNX's ConvInteger.
    public static func integer(window: WindowGeometry, groups: Int = 1) -> QuantizedConv {
        QuantizedConv(.integer, window: window, groups: groups)
    }

    /// x, its scale and zero point, w, its scale and zero point, the scale and zero point of y, and perhaps a bias of int32
    /// in the scale of x and w, to y. ONNX's QLinearConv.
    public static func linear(window: WindowGeometry, groups: Int = 1) -> QuantizedConv {
        QuantizedConv(.linear, window: window, groups: groups)
    }

    public var kind: String { form == .integer ? "ConvInteger" : "QLinearConv" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: form == .integer ? 2...4 : 8...9)
        let elementType = try form.checkTypes(inputs)
        let rank = window.rank + 2
        let images = [0, form.w].map {
            inputs.optional($0)?.type.dimensions ?? [Dimension](repeating: .unknown, count: rank)
        }
        let y = try Conv(window: window, groups: groups).outputTypes(
            for: Operands(images.map { Operand(type: .tensor(.float32, $0)) }, operatorName: kind))[0]
        let filters = y.dimensions?.last ?? .unknown
        let singles =
            form == .integer
            ? [form.xZero] : [QuantizedForm.xScale, form.xZero, QuantizedForm.yScale, QuantizedForm.yZero]
        for index in singles {
            guard let given = inputs.optional(index)?.type.dimensions, !QuantizationGrid.isSingle(given) else {
                continue
            }
            throw .mismatch(
                rule: "\(kind)'s scales and zero points of x and y must be one number", received: "\(given)")
        }
        for index in form == .integer ? [form.wZero] : [QuantizedForm.wScale, form.wZero] {
            guard let given = inputs.optional(index)?.type.dimensions, !QuantizationGrid.isSingle(given) else {
                continue
            }
            guard given.count == 1 else {
                throw .mismatch(
                    rule: "\(kind)'s scale and zero point of w must be one number or one for each filter",
                    received: "\(given)")
            }
            _ = try inputs.common(given[0], filters, "filters")
        }
        if inputs.optional(QuantizedForm.bias) != nil {
            try inputs.expect(.tensor(.int32, [filters]), of: QuantizedForm.bias, "bias")
        }
        return [.tensor(elementType, y.dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, w) = (try context.input(0), try context.input(form.w))
        let shape = window.convolution(x: x.shape, w: w.shape, groups: groups)
        let (form, filters, groupFilters) = (form, shape.filters, shape.groupFilters)
        let (readX, readW) = (ByteReader(x.elementType), ByteReader(w.elementType))
        func step(_ index: Int) -> Int {
            index < context.inputs.count && (context.inputs[index]?.shape.elementCount ?? 0) > 1 ? 1 : 0
        }
        let (zeroStep, scaleStep) = (step(form.wZero), step(QuantizedForm.wScale))
        let requantization = Requantization(context.outputs[0].elementType)
        let lines = shape.taps * shape.groupChannels
        // Workspace: w as int32, less its zero points. Scratch: the sums of a pixel.
        let widen = Prepared.Stage(tiles: 1, bytes: 5 * lines * filters) { bindings, _ in
            let target = bindings.workspace.assumingMemoryBound(to: Int32.self)
            for line in 0..<lines {
                readW.read(
                    bindings.input(form.w), line * filters, filters, less: bindings.optionalInput(form.wZero), at: 0,
                    step: zeroStep, to: target + line * filters)
            }
            return .done
        }
        let rows = shape.window.output.0 * shape.window.output.1
        let convolve = Prepared.Stage(tiles: shape.images * rows, operations: shape.operations, slowness: 10) {
            bindings, tiles in
            let window = shape.window
            let sums = bindings.scratch.assumingMemoryBound(to: Int32.self)
            let weights = bindings.workspace.assumingMemoryBound(to: Int32.self)
            let zero = bindings.optionalInput(form.xZero).map { readX.read($0, 0) } ?? 0
            for tile in tiles {
                let (image, row) = tile.quotientAndRemainder(dividingBy: rows)
                let (plane, line) = row.quotientAndRemainder(dividingBy: window.output.1)
                for column in 0..<window.output.2 {
                    let pixel = tile * window.output.2 + column
                    if let bias = bindings.optionalInput(QuantizedForm.bias), form == .linear {
                        sums.update(from: bias.assumingMemoryBound(to: Int32.self), count: filters)
                    } else {
                        sums.update(repeating: 0, count: filters)
                    }
                    for tap in 0..<shape.taps {
                        let (rest, right) = tap.quotientAndRemainder(dividingBy: window.kernel.2)
                        let (front, down) = rest.quotientAndRemainder(dividingBy: window.kernel.1)
                        let z = plane * window.stride.0 - window.pad.0 + front * window.dilation.0
                        let y = line * window.stride.1 - window.pad.1 + down * window.dilation.1
                        let x = column * window.stride.2 - window.pad.2 + right * window.dilation.2
                        guard z >= 0, z < window.input.0, y >= 0, y < window.input.1, x >= 0, x < window.input.2 else {
                            continue
                        }
                        let source =
                            (((image * window.input.0 + z) * window.input.1 + y) * window.input.2 + x)
                            * shape.channels
                        for group in 0..<shape.groups {
                            let target = sums + group * groupFilters
                            for channel in 0..<shape.groupChannels {
                                let place = source + group * shape.groupChannels + channel
                                let value = readX.read(bindings.input(0), place) &- zero
                                guard value != 0 else { continue }
                                let factors =
                                    weights + (tap * shape.groupChannels + channel) * filters + group * groupFilters
                                for filter in 0..<groupFilters { target[filter] &+= value &* factors[filter] }
                            }
                        }
                    }
                    if form == .integer {
                        bindings.output(0).assumingMemoryBound(to: Int32.self).advanced(by: pixel * filters)
                            .update(from: sums, count: filters)
                    } else {
                        requantization.write(
                            sums, filters, bindings, x: 0, w: 0, step: scaleStep, y: 0,
                            to: bindings.output(0) + pixel * filters)
                    }
                }
            }
            return .done
        }
        return Prepared(
            "int32 sums", stages: [widen, convolve], workspaceBytes: 4 * lines * filters, scratchBytes: 4 * filters)
    }
}
