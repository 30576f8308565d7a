import Tamis
import Testing

@Suite("Initializer")
struct InitializerTests {
    static func moments(_ initializer: Initializer, _ shape: [Int]) throws -> (
        least: Double, most: Double, mean: Double, variance: Double
    ) {
        let values = try initializer.tensor(shape: shape, using: Philox(seed: 4, name: "kernel")).doubles()
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        return (values.min() ?? 0, values.max() ?? 0, mean, variance)
    }

    /// Fans as Keras computes them: taps × inputs and taps × outputs.
    static let shapes: [(shape: [Int], fanIn: Double, fanOut: Double)] = [
        ([300, 200], 300, 200), ([3, 3, 64, 128], 576, 1152), ([60_000], 60_000, 60_000),
        ([5, 5, 5, 8, 40], 1000, 5000),
    ]

    @Test("uniform draws fill their range", arguments: 0..<shapes.count)
    func uniform(index: Int) throws {
        let (shape, fanIn, fanOut) = Self.shapes[index]
        for (initializer, limit) in [
            (Initializer.glorotUniform, (6 / (fanIn + fanOut)).squareRoot()), (.heUniform, (6 / fanIn).squareRoot()),
        ] {
            let (least, most, mean, variance) = try Self.moments(initializer, shape)
            #expect(
                least >= -limit * 1.000001 && least < -0.99 * limit && most <= limit * 1.000001 && most > 0.99 * limit)
            #expect(abs(mean) < 0.02 * limit && abs(variance / (limit * limit / 3) - 1) < 0.03)
        }
    }

    @Test("normal draws have their variance and are cut", arguments: 0..<shapes.count)
    func normal(index: Int) throws {
        let (shape, fanIn, fanOut) = Self.shapes[index]
        for (initializer, variance) in [(Initializer.glorotNormal, 2 / (fanIn + fanOut)), (.heNormal, 2 / fanIn)] {
            let found = try Self.moments(initializer, shape)
            let cut = 2 * variance.squareRoot() / 0.8796256610342398 * 1.000001
            #expect(abs(found.variance / variance - 1) < 0.04 && abs(found.mean) < 0.02 * variance.squareRoot())
            #expect(found.least >= -cut && found.most <= cut)
        }
    }

    @Test("fixed values, and none")
    func fixed() throws {
        #expect(try Initializer.zeros.tensor(shape: [3], using: Philox(seed: 0)).doubles() == [0, 0, 0])
        #expect(try Initializer.ones.tensor(shape: [2], using: Philox(seed: 0)).doubles() == [1, 1])
        #expect(try Initializer.constant(0.5).tensor(shape: [], using: Philox(seed: 0)).doubles() == [0.5])
        #expect(try Initializer.glorotUniform.tensor(shape: [0, 4], using: Philox(seed: 0)).doubles() == [])
        #expect(throws: ShapeError.self) { try Initializer.zeros.tensor(shape: [-1], using: Philox(seed: 0)) }
    }

    @Test("a parameter's draw follows from the seed and its name alone")
    func seeds() throws {
        func kernel(_ seed: UInt64, extra: Bool) throws -> Tensor? {
            let network = try Sequential(input: [8], seed: seed) {
                Dense(4, name: "first")
                if extra { Dense(4, name: "between") }
                Dense(4, name: "last")
            }
            return network.model.parameters["last/kernel"]
        }
        #expect(try kernel(1, extra: false) == kernel(1, extra: false))
        // The same shape at another place in the network.
        #expect(try kernel(1, extra: true) == kernel(1, extra: false))
        #expect(try kernel(2, extra: false) != kernel(1, extra: false))
    }
}
