import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// The optimisers' operators against the formulas of ONNX's operator documentation.
@Suite("Momentum and Adam")
struct UpdateTests {
    static func example(_ count: Int, _ parts: Int) -> [DoubleTensor] {
        var generator = Philox(seed: UInt64(count), name: "update")
        return (0..<parts).map { part in .uniform([count], in: part == 3 ? 0...1 : -1...1, using: &generator) }
    }

    @Test("Momentum", arguments: KernelLevel.available, [(1, false), (7, true), (40_000, false), (40_000, true)])
    func momentum(level: KernelLevel, test: (count: Int, isNesterov: Bool)) throws {
        let (count, isNesterov) = test
        let (rate, alpha) = (0.125, 0.9)
        let tensors = Self.example(count, 3)
        let (x, g, v) = (tensors[0].values, tensors[1].values, tensors[2].values)
        let nextV = x.indices.map { alpha * v[$0] + g[$0] }
        let nextX = x.indices.map { x[$0] - rate * (isNesterov ? g[$0] + alpha * nextV[$0] : nextV[$0]) }
        for elementType in [ElementType.float32, .float64] {
            let mode = RunMode(level: level, elementType: elementType, threads: 2)
            let results = try run(
                Momentum(alpha: alpha, isNesterov: isNesterov),
                [DoubleTensor([rate], shape: [])].map { try $0.tensor(elementType) }
                    + tensors.map { try $0.tensor(elementType) },
                mode: mode)
            let unit = elementType == .float64 ? 0x1p-52 : 0x1p-22
            #expect(
                try firstExcess(results[0], DoubleTensor(nextX, shape: [count]), absolute: unit, relative: unit) == nil)
            #expect(
                try firstExcess(results[1], DoubleTensor(nextV, shape: [count]), absolute: unit, relative: unit) == nil)
        }
    }

    @Test("Adam", arguments: KernelLevel.available, [(1, 1), (7, 2), (40_000, 1), (40_000, 1000)])
    func adam(level: KernelLevel, test: (count: Int, step: Int)) throws {
        let (count, step) = test
        let (rate, alpha, beta, epsilon) = (0.125, 0.9, 0.999, 1e-7)
        let tensors = Self.example(count, 4)
        let (x, g, v, h) = (tensors[0].values, tensors[1].values, tensors[2].values, tensors[3].values)
        let nextV = x.indices.map { alpha * v[$0] + (1 - alpha) * g[$0] }
        let nextH = x.indices.map { beta * h[$0] + (1 - beta) * g[$0] * g[$0] }
        func power(_ base: Double) -> Double { (0..<step).reduce(1.0) { product, _ in product * base } }
        let corrected = rate * (1 - power(beta)).squareRoot() / (1 - power(alpha))
        let nextX = x.indices.map { x[$0] - corrected * nextV[$0] / (nextH[$0].squareRoot() + epsilon) }
        for elementType in [ElementType.float32, .float64] {
            let results = try run(
                Adam(alpha: alpha, beta: beta, epsilon: epsilon),
                [DoubleTensor([rate], shape: []).tensor(elementType), Tensor(scalar: Int64(step))]
                    + tensors.map { try $0.tensor(elementType) },
                mode: RunMode(level: level, elementType: elementType, threads: 2))
            let unit = elementType == .float64 ? 0x1p-50 : 0x1p-20
            for (result, expected) in zip(results, [nextX, nextV, nextH]) {
                #expect(
                    try firstExcess(result, DoubleTensor(expected, shape: [count]), absolute: unit, relative: unit)
                        == nil)
            }
        }
    }
}
