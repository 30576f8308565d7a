import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Activate")
struct ActivateTests {
    @Test("within a few units of the last place", arguments: KernelLevel.available, Activation.samples)
    func values(level: KernelLevel, activation: Activation) throws {
        // All of the range, dense near zero, and what overflows.
        var values = (-2000...2000).map { Double(Float($0) / 50) }
        values += (-60...60).flatMap { [Double(Float(2).power($0)), -Double(Float(2).power($0))] }
        values += [0, -0.0, .infinity, -.infinity, 100, -100, 1e30, -1e30]
        let x = DoubleTensor(values, shape: [values.count])
        let expected = Oracle.map(x) { Oracle.activate(activation, $0) }
        for mode in RunMode.all(at: level) where mode.weights == .input {
            let y = try run(Activate(activation), [x], mode: mode)
            let unit = mode.elementType == .float64 ? 0x1p-52 : 0x1p-23
            let excess = try firstExcess(
                y, expected, bounds: Oracle.activationBounds(activation, x, unit: unit))
            #expect(excess == nil, "\(mode)")
        }
    }

    @Test("NaN stays NaN", arguments: KernelLevel.available, Activation.samples)
    func notANumber(level: KernelLevel, activation: Activation) throws {
        let x = DoubleTensor([Double](repeating: .nan, count: 19), shape: [19])
        for elementType in [ElementType.float32, .float64] {
            let y = try run(Activate(activation), [x], mode: RunMode(level: level, elementType: elementType))
            #expect(try y.doubles().allSatisfy(\.isNaN))
        }
    }

    @Test("gradients", arguments: Activation.samples, [[1], [7], [3, 5], [2, 3, 4, 5], [40, 10], [40, 30]])
    func gradients(activation: Activation, shape: [Int]) throws {
        var generator = Philox(seed: 5)
        var x = DoubleTensor.distinct(shape, using: &generator)
        // The largest go beyond all kinks, and none lies near one.
        x.values = x.values.map { (shape == [40, 10] ? 3.3 : 0.3) * $0 }
        try #require(x.values.allSatisfy { x in activation.kinks.allSatisfy { abs(x - $0) > 5 * GradientCheck.step } })
        let check = try GradientCheck([GradientCheck.Input("x", x)], seed: 5) { graph, symbols in
            [try graph.call(Activate(activation), symbols["x"])]
        }
        #expect(try check.mismatches() == [])
    }

    @Test("gradients in float32 have the numbers of float64", arguments: KernelLevel.available, Activation.samples)
    func floatGradients(level: KernelLevel, activation: Activation) throws {
        var values = (-900...900).map { Double($0) / 7.3 }
        values += [1e4, -1e4, 1e30, -1e30, .infinity, -.infinity]
        let arguments = DoubleTensor(values, shape: [values.count])
        let value = activation.derivesFromOutput ? Oracle.map(arguments) { Oracle.activate(activation, $0) } : arguments
        let given = Oracle.map(value) { Double(Float($0)) }
        let dy = DoubleTensor([Double](repeating: 1, count: values.count), shape: [values.count])
        func gradient(_ elementType: ElementType) throws -> Tensor {
            try run(ActivateGradient(activation), [given, dy], mode: RunMode(level: level, elementType: elementType))
        }
        let excess = try firstExcess(
            gradient(.float32), DoubleTensor(gradient(.float64)), absolute: 1e-6, relative: 1e-6)
        #expect(excess == nil)
    }

    @Test("what does not grow, or is not defined, is refused")
    func refused() throws {
        #expect(throws: ShapeError.self) { try run(Activate(.celu(0)), [Tensor([Float(1)])]) }
        #expect(throws: ShapeError.self) { try run(Activate(.relu), [Tensor([Int32(1)])]) }
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, []))
        let y = try graph.call(Activate(.elu(-1)), x)
        #expect(throws: TrainingError.self) { try differentiate(y, with: [x.id], in: graph) }
    }

    @Test("the gradient of an activation in the operator before it computes what it needs again")
    func fusedGradients() throws {
        var generator = Philox(seed: 3)
        let x = GradientCheck.Input("x", .uniform([4, 5], using: &generator))
        for activation in [Activation.silu, .gelu, .mish, .softplus] {
            let statistics = try [0.3, 1.5].map { try Tensor(repeating: $0, shape: [3]) }
            let check = try GradientCheck(
                [x, GradientCheck.Input("w", .uniform([5, 3], using: &generator))], seed: 3
            ) { graph, symbols in
                let y = try graph.call(Gemm(activation: activation), symbols["x"], symbols["w"])
                let (mean, variance) = (graph.constant(statistics[0]), graph.constant(statistics[1]))
                return [try graph.call(BatchNormalize(activation: activation), y, mean, mean, mean, variance)]
            }
            #expect(try check.mismatches() == [], "\(activation)")
        }
    }
}

extension Float {
    /// This number raised to a whole power.
    fileprivate func power(_ exponent: Int) -> Float {
        exponent < 0 ? 1 / power(-exponent) : (0..<exponent).reduce(1) { product, _ in product * self }
    }
}
