import Foundation
import Tamis
import TamisTestSupport
import Testing

/// What exporters spell out becomes one operator again, and its answer stays.
@Suite("Composites are recognised")
struct CompositePassTests {
    /// A way to write a function, and the operators that are left of it.
    struct Spelling: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var left: [String]
        var build: @Sendable (Spell) throws -> Symbol
    }

    /// Short words for spelling.
    struct Spell {
        let net: PassModel
        var x: Symbol { net.x }

        func mul(_ a: Symbol, _ b: Symbol) throws -> Symbol { try net(Arithmetic(.multiply), a, b) }
        func mul(_ a: Symbol, _ b: Double) throws -> Symbol { try mul(a, net.scalar(b)) }
        func add(_ a: Symbol, _ b: Symbol) throws -> Symbol { try net(Arithmetic(.add), a, b) }
        func add(_ a: Symbol, _ b: Double) throws -> Symbol { try add(a, net.scalar(b)) }
        func sub(_ a: Symbol, _ b: Symbol) throws -> Symbol { try net(Arithmetic(.subtract), a, b) }
        func div(_ a: Symbol, _ b: Symbol) throws -> Symbol { try net(Arithmetic(.divide), a, b) }
        func div(_ a: Symbol, _ b: Double) throws -> Symbol { try div(a, net.scalar(b)) }
        func pow(_ a: Symbol, _ b: Double) throws -> Symbol { try net(Arithmetic(.power), a, net.scalar(b)) }
        func max(_ a: Symbol, _ b: Symbol) throws -> Symbol { try net(Arithmetic(.maximum), a, b) }
        func min(_ a: Symbol, _ b: Double) throws -> Symbol { try net(Arithmetic(.minimum), a, net.scalar(b)) }
        func act(_ activation: Activation, _ a: Symbol) throws -> Symbol { try net(Activate(activation), a) }
        func unary(_ function: Unary.Function, _ a: Symbol) throws -> Symbol { try net(Unary(function), a) }
        func reduce(_ function: Reduce.Function, _ a: Symbol, _ axes: [Int] = [-1]) throws -> Symbol {
            try net(Reduce(function, axes: axes), a)
        }
    }

    private static func spelling(
        _ name: String, _ left: String..., build: @escaping @Sendable (Spell) throws -> Symbol
    ) -> Spelling {
        Spelling(testDescription: name, left: left, build: build)
    }

    static let activations: [Spelling] = [
        spelling("x σ(x)", "Swish") { try $0.mul($0.x, $0.act(.sigmoid, $0.x)) },
        spelling("σ(x) x", "Swish") { try $0.mul($0.act(.sigmoid, $0.x), $0.x) },
        spelling("x σ(1.702 x)", "Swish") { try $0.mul($0.x, $0.act(.sigmoid, $0.mul($0.x, 1.702))) },
        spelling("x (relu6(x + 3) / 6)", "HardSwish") {
            try $0.mul($0.x, $0.div($0.act(.relu6, $0.add($0.x, 3)), 6))
        },
        spelling("(x relu6(3 + x)) / 6", "HardSwish") {
            try $0.div($0.mul($0.x, $0.act(.relu6, $0.add($0.net.scalar(3), $0.x))), 6)
        },
        spelling("x min(relu(x + 3), 6) · 0.1667", "HardSwish") {
            try $0.mul($0.mul($0.x, $0.min($0.act(.relu, $0.add($0.x, 3)), 6)), 0.16667)
        },
        spelling("x hard_sigmoid(x)", "HardSwish") { try $0.mul($0.x, $0.act(.hardSigmoid, $0.x)) },
        spelling("relu6(x + 3) / 6", "HardSigmoid") { try $0.div($0.act(.relu6, $0.add($0.x, 3)), 6) },
        spelling("Clip of inputs", "HardSigmoid") {
            let sum = try $0.add($0.x, 3)
            return try $0.div($0.net(Clip(), sum, $0.net.scalar(0), $0.net.scalar(6)), 6)
        },
        spelling("x (1 + erf(x / √2)) / 2", "Gelu") {
            try $0.mul($0.mul($0.x, $0.add($0.unary(.errorFunction, $0.div($0.x, 1.4142135)), 1)), 0.5)
        },
        spelling("(x / 2) (1 + erf(x · 0.7071))", "Gelu") {
            try $0.mul($0.mul($0.x, 0.5), $0.add($0.unary(.errorFunction, $0.mul($0.x, 0.70710677)), 1))
        },
        spelling("Gelu by tanh and x³", "Gelu") {
            let cube = try $0.add($0.x, $0.mul($0.pow($0.x, 3), 0.044715))
            return try $0.mul($0.mul($0.x, 0.5), $0.add($0.act(.tanh, $0.mul(cube, 0.7978845)), 1))
        },
        spelling("Gelu by tanh and x x x", "Gelu") {
            let cube = try $0.add($0.mul($0.mul($0.mul($0.x, $0.x), $0.x), 0.044715), $0.x)
            return try $0.mul($0.add($0.act(.tanh, $0.mul(cube, 0.7978845)), 1), $0.mul($0.x, 0.5))
        },
        spelling("Gelu by tanh and 1 + x²", "Gelu") {
            let square = try $0.add($0.mul($0.mul($0.x, 0.044715), $0.x), 1)
            let tanh = try $0.act(.tanh, $0.mul($0.mul($0.x, 0.7978845), square))
            return try $0.mul($0.mul($0.x, $0.add(tanh, 1)), 0.5)
        },
        spelling("x tanh(softplus(x))", "Mish") { try $0.mul($0.x, $0.act(.tanh, $0.act(.softplus, $0.x))) },
        spelling("max(x, 0.2 x)", "LeakyRelu") { try $0.max($0.x, $0.mul($0.x, 0.2)) },
        spelling("prelu(x, 0.2)", "LeakyRelu") { try $0.net(Arithmetic(.prelu), $0.x, $0.net.scalar(0.2)) },
        spelling("max(x, 0)", "Relu") { try $0.max($0.x, $0.net.scalar(0)) },
        spelling("min(max(x, −½), 2)", "Clip") { try $0.min($0.max($0.x, $0.net.scalar(-0.5)), 2) },
    ]

    static let others: [Spelling] = [
        spelling("eˣ / Σ eˣ", "Softmax") { spell in
            let e = try spell.unary(.exponential, spell.x)
            return try spell.div(e, spell.reduce(.sum, e, [1]))
        },
        spelling("eˣ⁻ᵐ / Σ eˣ⁻ᵐ", "Softmax") { spell in
            let e = try spell.unary(.exponential, spell.sub(spell.x, spell.reduce(.largest, spell.x)))
            return try spell.div(e, spell.reduce(.sum, e))
        },
        spelling("layer normalisation by Pow", "LayerNormalization") { spell in
            let centered = try spell.sub(spell.x, spell.reduce(.mean, spell.x))
            let variance = try spell.reduce(.mean, spell.pow(centered, 2))
            let normalized = try spell.div(centered, spell.unary(.squareRoot, spell.add(variance, 1e-3)))
            return try spell.add(spell.mul(normalized, spell.net.parameter(6)), spell.net.parameter(6))
        },
        spelling("layer normalisation by two differences", "LayerNormalization") { spell in
            let mean = try spell.reduce(.mean, spell.x, [2, 1])
            let (a, b) = (try spell.sub(spell.x, mean), try spell.sub(spell.x, mean))
            let variance = try spell.reduce(.mean, spell.mul(b, b), [1, 2])
            let normalized = try spell.div(a, spell.pow(spell.add(variance, 1e-3), 0.5))
            let scaled = try spell.mul(spell.net.parameter(1, 4, 6), normalized)
            return try spell.add(spell.net.parameter(6), scaled)
        },
    ]

    static let lookalikes: [Spelling] = [
        spelling("x σ(y)", "Tanh", "Sigmoid", "Mul") { try $0.mul($0.x, $0.act(.sigmoid, $0.act(.tanh, $0.x))) },
        spelling("x relu6(x + 2) / 6", "Add", "Clip", "Mul", "Div") {
            try $0.div($0.mul($0.x, $0.act(.relu6, $0.add($0.x, 2))), 6)
        },
        spelling("x (1 + erf(x)) / 2", "Erf", "Add", "Mul", "Mul") {
            try $0.mul($0.mul($0.x, $0.add($0.unary(.errorFunction, $0.x), 1)), 0.5)
        },
        spelling("max(x, 2 x)", "Mul", "Max") { try $0.max($0.x, $0.mul($0.x, 2)) },
        spelling("a constant that stretches", "Swish", "Mul") { spell in
            let one = spell.net.graph.constant(try Tensor(repeating: Float(1), shape: [1, 1, 1, 1]))
            return try spell.mul(spell.mul(spell.x, spell.act(.sigmoid, spell.x)), one)
        },
        spelling("eˣ over another sum", "Exp", "ReduceSum", "Div") { spell in
            let e = try spell.unary(.exponential, spell.x)
            return try spell.div(e, spell.reduce(.sum, spell.x))
        },
        spelling("two means", "ReduceMean", "Sub", "Pow", "ReduceMean", "Add", "Sqrt", "Div", "Mul", "Add") { spell in
            let centered = try spell.sub(spell.x, spell.reduce(.mean, spell.x))
            let variance = try spell.reduce(.mean, spell.pow(centered, 2), [1])
            let normalized = try spell.div(centered, spell.unary(.squareRoot, spell.add(variance, 1e-3)))
            return try spell.add(spell.mul(normalized, spell.net.parameter(6)), spell.net.parameter(6))
        },
    ]

    @Test("whatever the spelling", arguments: activations + others, [ElementType.float32, .float64])
    func recognized(spelling: Spelling, elementType: ElementType) throws {
        let net = PassModel([3, 4, 6], elementType)
        let (model, inputs) = try net.finished(spelling.build(Spell(net: net)))
        // The constants of a spelling are rounded.
        let check = PassCheck(absolute: 1e-5, relative: 1e-4)
        let (failures, left) = try check(model, inputs, passes: [RecognizeComposites()])
        #expect(failures == [] && left.kinds == spelling.left)
        #expect(left.graph.nodes.last?.name == model.graph.nodes.last?.name)
    }

    @Test("what only looks like one stays", arguments: lookalikes)
    func kept(spelling: Spelling) throws {
        let net = PassModel([3, 4, 6])
        let (model, inputs) = try net.finished(spelling.build(Spell(net: net)))
        let (failures, left) = try PassCheck()(model, inputs, passes: [RecognizeComposites()])
        #expect(failures == [] && left.kinds == spelling.left)
    }

    @Test("with a convolution before it, all is one node")
    func fused() throws {
        let net = PassModel([2, 5, 4, 6])
        let y = try net(
            Conv(window: WindowGeometry(kernel: [1, 1])), net.x, net.parameter(1, 1, 6, 7), net.parameter(7))
        let (model, inputs) = try net.finished(net(Arithmetic(.multiply), net(Activate(.sigmoid), y), y))
        let (failures, left) = try PassCheck()(model, inputs)
        #expect(failures == [] && left.kinds == ["Conv"])
    }

    @Test("of halves, too", arguments: [ElementType.float16, .bfloat16])
    func halves(elementType: ElementType) throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(elementType, ["batch", 8]))
        func scalar(_ value: Double) throws -> Symbol {
            graph.constant(try Tensor(scalar: Float(value)).converted(to: elementType))
        }
        let erf = try graph.call(Unary(.errorFunction), graph.call(Arithmetic(.divide), x, scalar(2.0.squareRoot())))
        let sum = try graph.call(Arithmetic(.add), erf, scalar(1))
        let y = try graph.call(Arithmetic(.multiply), graph.call(Arithmetic(.multiply), x, sum), scalar(0.5))
        graph.output(y, name: "y")
        let wide = try WidenHalves()(graph.model)
        #expect(try wide.optimized().kinds == ["Cast", "Gelu", "Cast"])
    }

    @Test("no depth of products or sums is too deep")
    func deep() throws {
        let net = PassModel([2, 3])
        var y = net.x
        for index in 0..<3000 {
            y = try net(Arithmetic(index % 2 == 0 ? .multiply : .add), y, index % 3 == 0 ? y : net.scalar(0.5))
        }
        let (model, _) = try net.finished(y)
        #expect(try RecognizeComposites()(model).graph.nodes.count == 3000)
    }
}
