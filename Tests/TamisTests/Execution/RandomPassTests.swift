import Tamis
import TamisTestSupport
import Testing

/// Networks of any operators in any order, as channel-first files have them: each pass leaves their answers, and does all
/// it can in one round.
@Suite("Passes on random networks")
struct RandomPassTests {
    @Test("answers stay", arguments: 0..<300)
    func answers(index: Int) throws {
        var network = RandomNetwork(index)
        let (model, inputs) = try network.model()
        let (failures, optimized) = try PassCheck(absolute: 2e-5, relative: 2e-5)(model, inputs)
        #expect(failures == [])
        #expect(optimized.graph.nodes.count <= model.graph.nodes.count)
    }
}

/// A network in the making.
private struct RandomNetwork {
    private var generator: Philox
    private let graph = GraphBuilder()
    /// Values that something may be made of; the newest last.
    private var values: [Symbol] = []
    private let input: [Int]

    init(_ index: Int) {
        generator = Philox(seed: UInt64(index), name: "network")
        input = [2, Int.random(in: 1...4, using: &generator), 6, 5]
        values = [
            graph.input("x", .tensor(.float32, [.named("batch")] + input.dropFirst().map(Dimension.fixed)))
        ]
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    private mutating func weights(_ shape: [Int], in range: ClosedRange<Double> = -0.7...0.7) throws -> Symbol {
        let tensor = try DoubleTensor.uniform(shape, in: range, using: &generator).tensor()
        return number(0...3) == 0 ? graph.constant(tensor) : graph.parameter("w", tensor)
    }

    mutating func model() throws -> (Model, [String: Tensor]) {
        for _ in 0..<number(3...14) { values.append(try next()) }
        graph.output(values[values.count - 1], name: "y")
        if number(0...2) == 0 { graph.output(values[number(0...values.count - 1)], name: "z") }
        return (graph.model, ["x": try DoubleTensor.uniform(input, using: &generator).tensor()])
    }

    /// A spatial operator on channel-first images, and channel-first images of it.
    private func spatial(_ operation: any Operator, _ inputs: [Symbol?]) throws -> Symbol {
        let moved = try graph.call(Transpose(.channelLast(rank: 4)), inputs[0])
        let y = try graph.append(operation, [moved] + inputs.dropFirst())[0]
        return try graph.call(Transpose(.channelFirst(rank: 4)), y)
    }

    private mutating func next() throws -> Symbol {
        // Mostly the newest, so that there are chains.
        let x = values[number(0...2) == 0 ? number(0...values.count - 1) : values.count - 1]
        let extents = (x.dimensions ?? []).map { $0.value ?? 2 }
        guard extents.count == 4 else { return try row(x, extents) }
        let (channels, height, width) = (extents[1], extents[2], extents[3])
        switch number(0...20) {
        case 14: return try slice(x, extents)
        case 15:
            let axis = number(1...3)
            let amount = Pad.Amount(axis: axis, before: number(0...2), after: number(0...1))
            return try graph.call(Pad(number(0...1) == 0 ? .constant : .edge, [amount]), x)
        case 16:
            let others = values.filter { $0.type == x.type }
            return try graph.append(Concat(axis: number(1...3)), [x, others[number(0...others.count - 1)]])[0]
        case 17 where channels % 2 == 0:
            let parts = try graph.append(Split(axis: 1, parts: .equal(2)), [x])
            return try graph.call(Arithmetic(.subtract), parts[0], parts[1])
        case 18 where channels % 2 == 0:
            let split = try graph.call(Reshape(to: [0, 2, channels / 2, height, width]), x)
            let moved = try graph.call(Transpose(Permutation([0, 2, 1, 3, 4])), split)
            return try graph.call(Reshape(to: [0, channels, height, width]), moved)
        case 19:
            let functions = [Reduce.Function.mean, .sum, .largest]
            let axes = [[2, 3], [1], [-1], [1, 2, 3]][number(0...3)]
            return try graph.call(
                Reduce(functions[number(0...2)], axes: axes, keepsDimensions: number(0...2) > 0), x)
        case 20:
            let rows = try graph.call(Reshape(to: [0, channels, height * width]), x)
            return try graph.call(Transpose(Permutation([0, 2, 1])), rows)
        case 0...2:
            let groups = number(0...2) == 0 ? channels : 1
            let filters = groups * number(1...3)
            let kernel = [min(height, number(1...3)), min(width, number(1...3))]
            let window = try WindowGeometry(kernel: kernel, padding: number(0...1) == 0 ? .same : .valid)
            let bias = number(0...1) == 0 ? nil : try weights([filters])
            return try spatial(
                Conv(window: window, groups: groups), [x, weights(kernel + [channels / groups, filters]), bias])
        case 3:
            let statistics = try [0.5...1.5, -1...1, -1...1, 0.5...1.5].map { try weights([channels], in: $0) }
            return try spatial(BatchNormalize(), [x] + statistics)
        case 4:
            let window = try WindowGeometry(kernel: [2, 2], stride: [1, 1], padding: .same)
            return try spatial(
                number(0...1) == 0 ? MaxPool(window: window) : AveragePool(window: window), [x])
        case 5...7:
            let shapes = [[], [1], [channels, 1, 1], [1, channels, 1, 1], [width], [height, 1]]
            let c = try weights(shapes[number(0...shapes.count - 1)], in: 0.5...1.5)
            let function = Arithmetic.Function.allCases[number(0...3)]
            return number(0...3) > 0 || function == .divide
                ? try graph.call(Arithmetic(function), x, c) : try graph.call(Arithmetic(function), c, x)
        case 8, 9:
            let others = values.filter { $0.type == x.type }
            let functions = [Arithmetic.Function.add, .add, .add, .subtract, .multiply]
            return try graph.call(
                Arithmetic(functions[number(0...functions.count - 1)]), x, others[number(0...others.count - 1)])
        case 10: return try graph.call(Activate(Activation.all[number(0...3)]), x)
        case 11: return try graph.call(Softmax(axis: number(-4...3)), x)
        case 12:
            return number(0...1) == 0
                ? try graph.call(Transpose(Permutation([0] + generator.shuffled(3).map { $0 + 1 })), x)
                : try graph.call(Flatten(), x)
        default:
            let shape = [[-1, channels, height, width], [0, -1, width], [0, channels * height, 1, width]]
            return try graph.call(
                Reshape(), x, graph.constant(Tensor(shape[number(0...2)].map(Int64.init))))
        }
    }

    private mutating func slice(_ x: Symbol, _ extents: [Int]) throws -> Symbol {
        let axis = number(1...extents.count - 1)
        let step = [1, 1, 2, -1][number(0...3)]
        let (first, last) = (0, extents[axis])
        return try graph.call(
            Slice([
                .init(axis: axis, start: step < 0 ? last : first, end: step < 0 ? -last - 1 : last, step: step)
            ]), x)
    }

    /// What follows when images have become rows.
    private mutating func row(_ x: Symbol, _ extents: [Int]) throws -> Symbol {
        let columns = extents[extents.count - 1]
        switch number(0...8) {
        case 6 where extents.count > 1: return try slice(x, extents)
        case 7: return try graph.call(Concat(axis: extents.count - 1), x, x)
        case 8 where extents.count == 3: return try graph.call(Transpose(Permutation([0, 2, 1])), x)
        case 8 where extents.count == 2: return try graph.call(Unsqueeze(axes: [1]), x)
        case 0 where extents.count == 2:
            let transposeW = number(0...1) == 0
            return try graph.call(
                Gemm(transposeW: transposeW), x, weights(transposeW ? [7, columns] : [columns, 7]), weights([7]))
        case 0...1: return try graph.call(MatMul(), x, weights([columns, columns]))
        case 2: return try graph.call(Arithmetic(.add), x, weights(number(0...1) == 0 ? [columns] : []))
        case 3: return try graph.call(Activate(.relu), x)
        case 4:
            let others = values.filter { $0.type == x.type }
            return try graph.call(Arithmetic(.add), x, others[number(0...others.count - 1)])
        default: return try graph.call(Softmax(), x)
        }
    }
}
