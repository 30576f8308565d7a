import TamisKernels

/// The matrix product of quantised numbers, the sums taken as int32. ONNX's MatMulInteger and QLinearMatMul.
///
/// As MatMul: a: … × M × K, b: … × K × N. A scale or zero point is one number, or one for each row of a (M, or … × M × 1),
/// or for each column of b (N, or … × 1 × N).
public struct QuantizedMatMul: Operator, Hashable {
    private let form: QuantizedForm

    private init(_ form: QuantizedForm) { self.form = form }

    /// a, b and their zero points, which may be absent, to int32. ONNX's MatMulInteger.
    public static let integer = QuantizedMatMul(.integer)
    /// a, its scale and zero point, b, its scale and zero point, the scale and zero point of y, to y. ONNX's QLinearMatMul.
    public static let linear = QuantizedMatMul(.linear)

    public var kind: String { form == .integer ? "MatMulInteger" : "QLinearMatMul" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: form == .integer ? 2...4 : 8...8)
        let elementType = try form.checkTypes(inputs)
        guard let a = try inputs.tensor(0, "a", rank: 1...64).dimensions,
            let b = try inputs.tensor(form.w, "b", rank: 1...64).dimensions
        else { return [.tensor(elementType, nil)] }
        for index in form == .integer
            ? [form.xZero] : [QuantizedForm.xScale, form.xZero, QuantizedForm.yScale, QuantizedForm.yZero]
        {
            try check(inputs, index, of: a, vector: a.count > 1 ? a.count - 2 : nil, other: a.count - 1)
        }
        for index in form == .integer ? [form.wZero] : [QuantizedForm.wScale, form.wZero] {
            try check(inputs, index, of: b, vector: b.count > 1 ? b.count - 1 : nil, other: b.count - 2)
        }
        let product = Operands(
            [a, b].map { Operand(type: .tensor(.int32, $0)) }, operatorName: kind)
        return [.tensor(elementType, try MatMul().outputTypes(for: product)[0].dimensions)]
    }

    /// Throws unless a scale or zero point is one number, one for each place of the axis `vector`, or as its matrices with
    /// one element on the axis `other`.
    private func check(
        _ inputs: Operands, _ index: Int, of matrix: [Dimension], vector: Int?, other: Int
    ) throws(ShapeError) {
        guard let operand = inputs.optional(index), let given = operand.type.dimensions,
            !QuantizationGrid.isSingle(given)
        else { return }
        var wanted = matrix
        if other >= 0 { wanted[other] = 1 }
        if given.count == 1 { wanted = vector.map { [matrix[$0]] } ?? [1] }
        guard given.count == wanted.count,
            zip(given, wanted).allSatisfy({ $0.value == nil || $1.value == nil || $0 == $1 })
        else {
            throw .mismatch(
                rule: "\(kind)'s scales and zero points must be one number or one for each row of a or column of b",
                received: "\(given) for \(matrix)")
        }
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (a, b) = (try context.input(0), try context.input(form.w))
        let k = a.shape[a.shape.rank - 1]
        let n = b.shape.rank > 1 ? b.shape[b.shape.rank - 1] : 1
        let m = a.shape.rank > 1 ? a.shape[a.shape.rank - 2] : 1
        let batch: Broadcast
        do throws(ShapeError) {
            batch = try Broadcast(
                Shape(Array(a.shape.dimensions.dropLast(2))), Shape(Array(b.shape.dimensions.dropLast(2))))
        } catch {
            throw .shape(error)
        }
        /// How a scale or zero point goes with the matrices and the rows or columns: their distances.
        func steps(_ index: Int, _ lines: Int) -> (matrix: Int, line: Int) {
            guard index < context.inputs.count, let shape = context.inputs[index]?.shape,
                shape.elementCount > 1 || shape.rank > 1
            else { return (0, 0) }
            return (shape.rank > 1 ? lines : 0, 1)
        }
        let form = form
        let (readA, readB) = (ByteReader(a.elementType), ByteReader(b.elementType))
        let (zeroA, zeroB) = (steps(form.xZero, m), steps(form.wZero, n))
        let (scaleA, scaleB) = (steps(QuantizedForm.xScale, m), steps(QuantizedForm.wScale, n))
        let scaleY = steps(QuantizedForm.yScale, m)
        let requantization = Requantization(context.outputs[0].elementType)
        let matricesB = b.shape.elementCount / max(1, k * n)
        // Workspace: b as int32, less its zero points. Scratch: a row of a, and the sums.
        let widen = Prepared.Stage(tiles: matricesB * k, bytes: 5 * b.shape.elementCount) { bindings, tiles in
            let target = bindings.workspace.assumingMemoryBound(to: Int32.self)
            for row in tiles {
                readB.read(
                    bindings.input(form.w), row * n, n, less: bindings.optionalInput(form.wZero),
                    at: row / k * zeroB.matrix, step: zeroB.line, to: target + row * n)
            }
            return .done
        }
        let rows = batch.extents.reduce(m, *)
        let run = max(1, (1 << 14) / max(1, n * k))
        let multiply = Prepared.Stage(
            tiles: (rows + run - 1) / run, operations: 2 * Double(rows) * Double(n) * Double(k), slowness: 10
        ) { bindings, tiles in
            let x = bindings.scratch.assumingMemoryBound(to: Int32.self)
            for index in tiles.lowerBound * run..<min(tiles.upperBound * run, rows) {
                let (matrix, row) = index.quotientAndRemainder(dividingBy: m)
                let (matrixA, matrixB) = batch.offsets(of: matrix)
                readA.read(
                    bindings.input(0), (matrixA * m + row) * k, k, less: bindings.optionalInput(form.xZero),
                    at: matrixA * zeroA.matrix + row * zeroA.line, step: 0, to: x)
                let w = bindings.workspace.assumingMemoryBound(to: Int32.self) + matrixB * k * n
                let sums =
                    form == .integer
                    ? bindings.output(0).assumingMemoryBound(to: Int32.self) + index * n : x + k
                sums.update(repeating: 0, count: n)
                for term in 0..<k where x[term] != 0 {
                    let (factor, line) = (x[term], w + term * n)
                    for column in 0..<n { sums[column] &+= factor &* line[column] }
                }
                guard form == .linear else { continue }
                requantization.write(
                    sums, n, bindings, x: matrixA * scaleA.matrix + row * scaleA.line, w: matrixB * scaleB.matrix,
                    step: scaleB.line, y: matrixA * scaleY.matrix + row * scaleY.line,
                    to: bindings.output(0) + index * n)
            }
            return .done
        }
        return Prepared(
            "int32 sums", stages: [widen, multiply], workspaceBytes: 4 * b.shape.elementCount, scratchBytes: 4 * (k + n)
        )
    }
}
