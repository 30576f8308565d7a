import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// A recurrent layer with the shapes of its inputs.
struct RecurrentCase: CustomTestStringConvertible {
    var layer = Recurrent(.simple)
    var (steps, batch, width, hidden) = (3, 2, 3, 4)
    /// Which of the optional inputs are given: biases, lengths, first states, peepholes.
    var given = [true, true, true, true]

    static func random(_ index: Int, isDifferentiable: Bool = false) -> RecurrentCase {
        var generator = Philox(seed: UInt64(index), name: "recurrent")
        func extent(_ largest: Int) -> Int {
            !isDifferentiable && Int.random(in: 0...19, using: &generator) == 0
                ? 0 : Int.random(in: 1...largest, using: &generator)
        }
        let cells: [Recurrent.Cell] = [
            .lstm(), .gru(), .simple, .lstm(couplesGates: true), .gru(resetsAfterProduct: true),
        ]
        let cell = cells[index % cells.count]
        let direction = Recurrent.Direction.allCases[index / cells.count % 3]
        let isDefault = index % 2 == 0
        let functions = Recurrent(cell, direction: direction).functions.map { usual in
            // Gates let at most all through: else states grow beyond float within few steps.
            let isGate = usual.formula == .sigmoid
            let formulas: [GateFunction.Formula] =
                isDifferentiable
                ? [.sigmoid, .tanh, .softsign] + (isGate ? [] : [.softplus])
                : isGate ? [.sigmoid, .tanh, .softsign, .hardSigmoid] : GateFunction.Formula.allCases
            return GateFunction(
                formulas[Int.random(in: 0..<formulas.count, using: &generator)],
                alpha: Bool.random(using: &generator) ? 0.5 : nil, beta: Bool.random(using: &generator) ? 0.25 : nil)
        }
        let clip = isDifferentiable || Int.random(in: 0...3, using: &generator) > 0 ? nil : 0.5
        return RecurrentCase(
            layer: Recurrent(
                cell, direction: direction, functions: isDefault ? nil : functions, clip: clip,
                isBatchFirst: Bool.random(using: &generator)),
            steps: extent(6), batch: extent(index % 7 == 0 ? 40 : 5), width: extent(9),
            hidden: extent(index % 5 == 0 ? 40 : 9), given: (0..<4).map { _ in Bool.random(using: &generator) })
    }

    var isLSTM: Bool { layer.kind == "LSTM" }

    /// Random inputs in the operator's order, the lengths as numbers.
    func inputs(_ generator: inout Philox) -> [DoubleTensor?] {
        let directions = layer.direction == .bidirectional ? 2 : 1
        let gates = ["LSTM": 4, "GRU": 3][layer.kind, default: 1]
        func uniform(_ shape: [Int]) -> DoubleTensor { .uniform(shape, using: &generator) }
        let state = layer.isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
        return [
            uniform(layer.isBatchFirst ? [batch, steps, width] : [steps, batch, width]),
            uniform([directions, gates * hidden, width]), uniform([directions, gates * hidden, hidden]),
            given[0] ? uniform([directions, 2 * gates * hidden]) : nil,
            given[1] ? .integers([batch], in: 0...steps, using: &generator) : nil,
            given[2] ? uniform(state) : nil,
            given[2] && isLSTM ? uniform(state) : nil,
            given[3] && isLSTM ? uniform([directions, 3 * hidden]) : nil,
        ].prefix(isLSTM ? 8 : 6).map(\.self)
    }

    var testDescription: String {
        "\(layer), \(steps) steps of \(batch) × \(width), \(hidden) hidden, given \(given)"
    }
}

@Suite("Recurrent")
struct RecurrentTests {
    func tensors(_ inputs: [DoubleTensor?], _ elementType: ElementType) throws -> [Tensor?] {
        try inputs.enumerated().map { index, tensor in
            try index == 4 ? tensor.map(lengths) : tensor?.tensor(elementType)
        }
    }

    func lengths(_ tensor: DoubleTensor) throws -> Tensor { try Tensor(tensor.values.map { Int32($0) }) }

    @Test("the formulas", arguments: KernelLevel.available, 0..<240)
    func formulas(level: KernelLevel, index: Int) throws {
        let test = RecurrentCase.random(index)
        var generator = Philox(seed: UInt64(index), name: "values")
        let inputs = test.inputs(&generator)
        let expected = try Oracle.recurrent(test.layer, inputs)
        for mode in RunMode.all(at: level) {
            let given = try tensors(inputs, mode.elementType)
            let outputs = try run(test.layer, given, weights: [1, 2, 3, 7], mode: mode)
            #expect(outputs.count == expected.count)
            let relative = mode.elementType == .float64 ? 1e-12 : 1e-4
            for (output, expected) in zip(outputs, expected) {
                let largest = max(1, expected.values.map(abs).max() ?? 0)
                let difference = try firstExcess(output, expected, absolute: relative * largest, relative: 0)
                #expect(difference == nil, "\(test.testDescription), \(mode)")
            }
        }
    }

    @Test("whole numbers", arguments: KernelLevel.available, 0..<30)
    func wholeNumbers(level: KernelLevel, index: Int) throws {
        var test = RecurrentCase.random(index)
        (test.steps, test.width, test.hidden) = (2, 5, 5)
        let layer = test.layer
        let identity = layer.functions.map { _ in GateFunction(.affine) }
        test.layer = Recurrent(
            layer.cell, direction: layer.direction, functions: identity, isBatchFirst: layer.isBatchFirst)
        var generator = Philox(seed: UInt64(index), name: "values")
        let inputs = test.inputs(&generator).enumerated().map { position, tensor in
            position == 4 ? tensor : tensor.map { Oracle.map($0) { ($0 * 1.5).rounded() } }
        }
        let expected = try Oracle.recurrent(test.layer, inputs)
        for mode in RunMode.all(at: level) {
            let outputs = try run(test.layer, tensors(inputs, mode.elementType), weights: [1, 2, 3, 7], mode: mode)
            for (output, expected) in zip(outputs, expected) {
                #expect(try firstDifference(output, expected) == nil, "\(test.testDescription), \(mode)")
            }
        }
    }

    @Test("the same bits in each batch", arguments: KernelLevel.available, 0..<15)
    func sameBits(level: KernelLevel, index: Int) throws {
        var test = RecurrentCase.random(index)
        (test.steps, test.batch, test.width, test.hidden) = (5, 37, 19, 21)
        var generator = Philox(seed: UInt64(index), name: "values")
        let inputs = test.inputs(&generator)
        func outputs(of images: Range<Int>, threads: Int) throws -> [Tensor] {
            let some = inputs.enumerated().map { position, tensor -> DoubleTensor? in
                let axis = position == 4 || test.layer.isBatchFirst ? 0 : 1
                return [0, 4, 5, 6].contains(position) ? tensor?.slice(images, axis: axis) : tensor
            }
            let mode = RunMode(level: level, threads: threads)
            return try run(test.layer, tensors(some, .float32), weights: [1, 2, 3, 7], mode: mode)
        }
        let whole = try outputs(of: 0..<test.batch, threads: 2)
        for images in [0..<1, 3..<5, 15..<18, 36..<37] {
            for (position, (part, whole)) in try zip(outputs(of: images, threads: 1), whole).enumerated() {
                let axis = test.layer.isBatchFirst ? 0 : position == 0 ? 2 : 1
                let expected = try DoubleTensor(whole).slice(images, axis: axis)
                #expect(try firstDifference(part, expected) == nil, "\(test.testDescription), images \(images)")
            }
        }
    }

    @Test("gradients", arguments: 0..<60)
    func gradients(index: Int) throws {
        let test = RecurrentCase.random(index, isDifferentiable: true)
        var generator = Philox(seed: UInt64(index), name: "values")
        let inputs = test.inputs(&generator)
        let names = ["x", "W", "R", "B", "lengths", "h", "c", "P"]
        let checked = zip(names, inputs).compactMap { name, tensor in
            name == "lengths" ? nil : tensor.map { GradientCheck.Input(name, $0) }
        }
        let labels = try inputs[4].map { ["lengths": try lengths($0)] } ?? [:]
        // Which outputs the loss depends on: y, the last states, all.
        let read = [[0], [1], [2], [0, 1, 2]][index / 5 % 4]
        let check = try GradientCheck(checked, labels: labels, seed: UInt64(index)) { graph, symbols in
            let outputs = try graph.append(test.layer, inputs.indices.map { symbols[names[$0]] })
            let chosen = read.filter { $0 < outputs.count }.map { outputs[$0] }
            return chosen.isEmpty ? outputs : chosen
        }
        #expect(try check.mismatches() == [], "\(test.testDescription)")
    }

    @Test("free dimensions")
    func freeDimensions() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [.named("t"), .named("n"), .fixed(3)]))
        let w = graph.constant(try Tensor(zeros: .float32, shape: [2, 16, 3]))
        let r = graph.constant(try Tensor(zeros: .float32, shape: [2, 16, 4]))
        let outputs = try graph.append(Recurrent(.lstm(), direction: .bidirectional), [x, w, r])
        #expect(outputs[0].dimensions == [.named("t"), .fixed(2), .named("n"), .fixed(4)])
        #expect(outputs[2].dimensions == [.fixed(2), .named("n"), .fixed(4)])
        let unknown = graph.input("any", .tensor(.float32, nil))
        let open = try graph.append(Recurrent(.gru(), isBatchFirst: true), [unknown, unknown, unknown])
        #expect(open[0].dimensions == [.unknown, .unknown, .fixed(1), .unknown])
    }

    @Test("what does not fit is refused")
    func errors() throws {
        func refuse(
            _ layer: Recurrent, x: [Int] = [3, 2, 3], w: [Int] = [1, 4, 3], r: [Int] = [1, 4, 4], bias: [Int] = [1, 8],
            lengths: ElementType = .int32, _ rule: String
        ) {
            let error = #expect(throws: ShapeError.self) {
                let graph = GraphBuilder()
                let symbols = try [x, w, r, bias].map { graph.constant(try Tensor(zeros: .float32, shape: $0)) }
                let last = graph.constant(try Tensor(zeros: lengths, shape: [2]))
                try graph.append(layer, symbols + [last])
            }
            #expect("\(String(describing: error))".contains(rule), "\(String(describing: error))")
        }
        refuse(Recurrent(.simple), w: [1, 5, 3], "W must be")
        refuse(Recurrent(.simple), w: [1, 4, 2], "W must be")
        refuse(Recurrent(.simple), r: [2, 4, 4], "R must be")
        refuse(Recurrent(.gru()), "W must be")
        refuse(Recurrent(.simple, direction: .bidirectional), "W must be")
        refuse(Recurrent(.simple), bias: [1, 4], "B must be")
        refuse(Recurrent(.simple), lengths: .int64, "sequence_lens must be")
        refuse(Recurrent(.simple), x: [3, 3], "x must have 3 axes")
        refuse(Recurrent(.simple, functions: []), "1 functions a direction")
    }

    @Test("lengths beyond the steps", arguments: [[4, 0], [1, -1], [Int32.max, 0]] as [[Int32]])
    func lengths(lengths: [Int32]) throws {
        #expect(throws: ExecutionError.self) {
            _ = try run(
                Recurrent(.simple),
                [
                    Tensor(zeros: .float32, shape: [3, 2, 1]), Tensor(zeros: .float32, shape: [1, 2, 1]),
                    Tensor(zeros: .float32, shape: [1, 2, 2]), nil, Tensor(lengths),
                ])
        }
    }

    @Test("gradients that are not there")
    func noGradients() throws {
        for layer in [
            Recurrent(.simple, clip: 1), Recurrent(.simple, functions: [GateFunction(.scaledTanh, alpha: 2)]),
        ] {
            #expect(throws: TrainingError.self) {
                let x = DoubleTensor(zeros: [1, 1, 1])
                _ = try GradientCheck([GradientCheck.Input("x", x)], seed: 0) { graph, symbols in
                    try graph.append(layer, [symbols["x"], symbols["x"], symbols["x"]])
                }
            }
        }
    }
}

extension DoubleTensor {
    /// Some places of an axis.
    func slice(_ range: Range<Int>, axis: Int) -> DoubleTensor {
        var result = DoubleTensor(zeros: shape)
        result.shape[axis] = range.count
        result.values = []
        let inner = shape[(axis + 1)...].reduce(1, *)
        for start in stride(from: 0, to: values.count, by: inner * shape[axis]) {
            result.values += values[(start + range.lowerBound * inner)..<(start + range.upperBound * inner)]
        }
        return result
    }
}
