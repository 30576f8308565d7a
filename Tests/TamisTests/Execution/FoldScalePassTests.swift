import Tamis
import TamisTestSupport
import Testing

/// Factors and shifts go into the weights before or behind them.
@Suite("Scales fold")
struct FoldScalePassTests {
    /// The kinds of nodes left when `build` has continued a product of `channels` channels, or come before it.
    private func kinds(
        _ shape: [Int] = [2, 5, 4, 6], _ elementType: ElementType = .float32, _ build: (PassModel) throws -> Symbol
    ) throws -> [String] {
        let net = PassModel(shape, elementType)
        let (model, inputs) = try net.finished(build(net))
        let check = PassCheck(absolute: elementType == .float64 ? 1e-13 : 1e-5, relative: 1e-6)
        let (failures, folded) = try check(model, inputs, passes: [FoldScale()])
        #expect(failures == [])
        return folded.kinds
    }

    private func conv(_ net: PassModel, _ x: Symbol, groups: Int = 1, filters: Int = 12, hasBias: Bool = true) throws
        -> Symbol
    {
        let channels = x.dimensions?.last?.value ?? 0
        let window = try WindowGeometry(kernel: [3, 2])
        return try net(
            Conv(window: window, groups: groups), x, net.parameter(3, 2, channels / groups, filters),
            hasBias ? net.parameter(filters) : nil)
    }

    private func normalized(_ net: PassModel, _ x: Symbol) throws -> Symbol {
        let c = x.dimensions?.last?.value ?? 0
        return try net(
            BatchNormalize(epsilon: 1e-3), x, net.parameter(c), net.parameter(c, in: -1...1),
            net.parameter(c, in: -1...1), net.parameter(c))
    }

    @Test(
        "arithmetic behind a convolution, constant on either side",
        arguments: [Arithmetic.Function.add, .subtract, .multiply, .divide],
        [[], [1], [12], [1, 12], [1, 1, 1, 12]])
    func arithmetic(function: Arithmetic.Function, shape: [Int]) throws {
        for (groups, hasBias) in [(1, true), (2, false), (6, true)] {
            let after = try kinds { net in
                let c = net.graph.constant(try randomTensor(shape, seed: 3), name: "c")
                return try net(Arithmetic(function), conv(net, net.x, groups: groups, hasBias: hasBias), c)
            }
            #expect(after == ["Conv"])
            let before = try kinds { net in
                let c = net.graph.constant(try randomTensor(shape, seed: 3), name: "c")
                return try net(Arithmetic(function), c, conv(net, net.x, groups: groups, hasBias: hasBias))
            }
            #expect(before == (function == .divide ? ["Conv", "Div"] : ["Conv"]))
        }
    }

    @Test("a chain of everything", arguments: [ElementType.float32, .float64], [1, 3])
    func chain(elementType: ElementType, groups: Int) throws {
        let left = try kinds([2, 5, 4, 6], elementType) { net in
            let y = try net(Arithmetic(.multiply), normalized(net, conv(net, net.x, groups: groups)), net.scalar(1.5))
            let z = try net(Arithmetic(.subtract), net.parameter(12), normalized(net, y))
            return try net(Arithmetic(.divide), z, net.scalar(-2))
        }
        #expect(left == ["Conv"])
    }

    @Test("products of matrices", arguments: [false, true])
    func products(transposeW: Bool) throws {
        let gemm = try kinds([3, 5]) { net in
            let w = try transposeW ? net.parameter(4, 5) : net.parameter(5, 4)
            let x = try net(
                Arithmetic(.subtract), net(Arithmetic(.multiply), net.x, net.parameter(5)), net.parameter(1, 5))
            return try normalized(net, net(Gemm(transposeW: transposeW), x, w))
        }
        #expect(gemm == ["Gemm"])
        let product = try kinds([2, 3, 5]) { net in
            let x = try net(Arithmetic(.add), net.x, net.scalar(3))
            return try net(Arithmetic(.add), net(MatMul(), x, net.parameter(5, 4)), net.parameter(4))
        }
        #expect(product == ["MatMul"])
    }

    @Test("what comes before a convolution", arguments: [1, 6])
    func before(groups: Int) throws {
        let left = try kinds { net in
            let x = try net(Arithmetic(.divide), net(Arithmetic(.subtract), net.x, net.parameter(6)), net.parameter(6))
            return try normalized(net, conv(net, normalized(net, x), groups: groups))
        }
        #expect(left == ["Conv"])
        #expect(
            try kinds { net in
                try conv(net, net(Arithmetic(.subtract), net.x, net.parameter(6)), groups: groups)
            } == ["Conv"])
        // The channels of groups do not lie in rows of the weights.
        #expect(
            try kinds { net in
                try conv(net, net(Arithmetic(.multiply), net.x, net.parameter(6)), groups: 2)
            } == ["Mul", "Conv"])
    }

    @Test("padding is zeros, which a factor leaves and a shift does not")
    func padded() throws {
        func left(_ function: Arithmetic.Function) throws -> [String] {
            try kinds { net in
                let x = try net(Arithmetic(function), net.x, net.parameter(6))
                let window = try WindowGeometry(kernel: [3, 3], padding: .same)
                return try net(Conv(window: window), x, net.parameter(3, 3, 6, 2))
            }
        }
        #expect(try left(.multiply) == ["Conv"])
        #expect(try left(.add) == ["Add", "Conv"])
    }

    @Test("batch normalisation takes what follows it")
    func batchNormalization() throws {
        let left = try kinds { net in
            try net(
                Arithmetic(.add), net(Arithmetic(.multiply), normalized(net, net.x), net.parameter(6)), net.scalar(2))
        }
        #expect(left == ["BatchNormalization"])
        #expect(try kinds { try normalized($0, $0.x) } == ["BatchNormalization"])
    }

    @Test("what stretches, differs within a channel, is read twice or is no number stays")
    func kept() throws {
        #expect(
            try kinds { net in
                try net(Arithmetic(.multiply), conv(net, net.x, filters: 1), net.parameter(7))
            } == ["Conv", "Mul"])
        #expect(
            try kinds { net in try net(Arithmetic(.add), conv(net, net.x), net.parameter(3, 12)) } == ["Conv", "Add"])
        #expect(
            try kinds { net in
                try net(Arithmetic(.add), conv(net, net.x), net.parameter(1, 1, 1, 1, 12))
            } == ["Conv", "Add"])
        #expect(
            try kinds { net in
                let y = try conv(net, net.x)
                return try net(Arithmetic(.multiply), net(Arithmetic(.add), y, net.scalar(1)), y)
            } == ["Conv", "Add", "Mul"])
        #expect(
            try kinds { net in try net(Arithmetic(.divide), conv(net, net.x), net.scalar(0)) } == ["Conv", "Div"])
        #expect(
            try kinds { net in try conv(net, net(Arithmetic(.add), net.x, net.x)) } == ["Add", "Conv"])
        #expect(
            try kinds([2, 5, 4, 1]) { net in
                try conv(net, net(Arithmetic(.add), net.x, net.parameter(6)))
            } == ["Add", "Conv"])
    }

    @Test("in a step of training the parameters move")
    func training() throws {
        let net = PassModel([2, 5, 4, 6])
        let scale = try net.parameter(12)
        let y = try net(Arithmetic(.multiply), conv(net, net.x), scale)
        net.graph.update(scale, to: try net(Arithmetic(.multiply), scale, net.scalar(0.5)))
        #expect(try FoldScale()(net.finished(y).model).kinds.count == 3)
    }

    @Test("weights are made when they are read, not before")
    func deferred() throws {
        let net = PassModel([2, 5, 4, 6])
        let (model, _) = try net.finished(normalized(net, conv(net, net.x)))
        let folded = try FoldScale()(model)
        let w = try #require(folded.graph.nodes[0].inputs[1])
        #expect(folded.graph.values[w].name == "w/folded")
        #expect(try #require(folded.parameters["w/folded"]).storage.isDeferred)
    }
}
