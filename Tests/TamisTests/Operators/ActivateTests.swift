import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Activate")
struct ActivateTests {
    @Test("within a few units of the last place", arguments: KernelLevel.available, Activation.all)
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
            // Below the normal numbers nothing is promised but smallness.
            let excess = try firstExcess(
                y, expected, absolute: mode.elementType == .float64 ? 1e-307 : 1.2e-38, relative: 4 * unit)
            #expect(excess == nil, "\(mode)")
        }
    }

    @Test("NaN stays NaN", arguments: KernelLevel.available, Activation.all)
    func notANumber(level: KernelLevel, activation: Activation) throws {
        let x = DoubleTensor([Double](repeating: .nan, count: 19), shape: [19])
        for elementType in [ElementType.float32, .float64] {
            let y = try run(Activate(activation), [x], mode: RunMode(level: level, elementType: elementType))
            #expect(try y.doubles().allSatisfy(\.isNaN))
        }
    }

    @Test("gradients", arguments: Activation.all, [[1], [7], [3, 5], [2, 3, 4, 5], [40, 30]])
    func gradients(activation: Activation, shape: [Int]) throws {
        var generator = Philox(seed: 5)
        var x = DoubleTensor.distinct(shape, using: &generator)
        x.values = x.values.map { 0.3 * $0 }
        let check = try GradientCheck([GradientCheck.Input("x", x)], seed: 5) { graph, symbols in
            [try graph.call(Activate(activation), symbols["x"])]
        }
        #expect(try check.mismatches() == [])
    }
}

extension Float {
    /// This number raised to a whole power.
    fileprivate func power(_ exponent: Int) -> Float {
        exponent < 0 ? 1 / power(-exponent) : (0..<exponent).reduce(1) { product, _ in product * self }
    }
}
