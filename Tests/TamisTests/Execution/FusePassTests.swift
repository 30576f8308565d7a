import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// What is added becomes a residual: the same bits in fewer nodes.
@Suite("Residuals fuse")
struct FusePassTests {
    private let passes: [any Pass] = [FuseResidual(), FuseActivation()]

    @Test("Conv: bias, then residual, then activation", arguments: KernelLevel.available, [1, 2, 6])
    func conv(level: KernelLevel, groups: Int) throws {
        for hasBias in [false, true] {
            for activation in [Activation.linear, .relu, .tanh] {
                let net = PassModel([3, 7, 8, 6])
                let window = try WindowGeometry(kernel: [3, 3], padding: .same)
                let conv = Conv(window: window, groups: groups)
                let y = try net(conv, net.x, net.parameter(3, 3, 6 / groups, 6), hasBias ? net.parameter(6) : nil)
                let sum = try net(Arithmetic(.add), net.x, y)
                let (model, inputs) = try net.finished(net(Activate(activation), sum))
                let fused = try passes.reduce(model) { try $1($0) }
                #expect(fused.kinds == ["Conv"])
                var options = PlanOptions()
                options.level = level
                options.optimizes = false
                #expect(
                    try Runner(model, threads: 2, options: options).run(inputs)
                        == Runner(fused, threads: 2, options: options).run(inputs))
            }
        }
    }

    @Test("Gemm and MatMul", arguments: [ElementType.float32, .float64])
    func products(elementType: ElementType) throws {
        let net = PassModel([5, 6], elementType)
        let a = try net(
            Arithmetic(.add), net(Gemm(transposeW: true), net.x, net.parameter(6, 6), net.parameter(6)), net.x)
        let b = try net(Arithmetic(.add), net(MatMul(), a, net.parameter(6, 6)), a)
        let (model, inputs) = try net.finished(net(Activate(.sigmoid), b))
        let (failures, fused) = try PassCheck(absolute: nil)(model, inputs, passes: passes)
        #expect(failures == [] && fused.kinds == ["Gemm", "MatMul"])
    }

    @Test("products of matrices one by one")
    func batchedProducts() throws {
        let net = PassModel([2, 3, 4, 4])
        let product = try net(MatMul(), net.x, net.x)
        let sum = try net(Arithmetic(.add), product, net.x)
        let (model, inputs) = try net.finished(net(Activate(.relu), sum))
        let (failures, fused) = try PassCheck(absolute: nil)(model, inputs, passes: passes)
        #expect(failures == [] && fused.kinds == ["MatMul"])
    }

    @Test("of two convolutions the later one takes the other's result")
    func twoConvolutions() throws {
        let net = PassModel([2, 5, 4, 3])
        let window = try WindowGeometry(kernel: [1, 1])
        let a = try net(named: "a", Conv(window: window), net.x, net.parameter(1, 1, 3, 4))
        let b = try net(named: "b", Conv(window: window), net.x, net.parameter(1, 1, 3, 4))
        let (model, inputs) = try net.finished(net(Arithmetic(.add), b, a))
        let (failures, fused) = try PassCheck(absolute: nil)(model, inputs, passes: passes)
        #expect(failures == [] && fused.graph.nodes.map(\.name) == ["a", "b"])
        #expect(fused.graph.nodes.map(\.inputs.count) == [2, 4])
    }

    @Test("a convolution before what is added to it waits")
    func laterResidual() throws {
        let net = PassModel([2, 5, 4, 3])
        let a = try net(Conv(window: WindowGeometry(kernel: [1, 1])), net.x, net.parameter(1, 1, 3, 3))
        let (model, inputs) = try net.finished(net(Arithmetic(.add), a, net(Activate(.tanh), net.x)))
        let (failures, fused) = try PassCheck(absolute: nil)(model, inputs, passes: passes)
        #expect(failures == [] && fused.kinds == ["Tanh", "Conv"])
    }

    @Test("what stretches, is read twice, or has an activation is no residual")
    func kept() throws {
        let window = try WindowGeometry(kernel: [1, 1])
        func kinds(_ build: (PassModel, Symbol) throws -> Symbol) throws -> [String] {
            let net = PassModel([2, 5, 4, 3])
            let y = try net(Conv(window: window), net.x, net.parameter(1, 1, 3, 3))
            let (model, inputs) = try net.finished(build(net, y))
            let (failures, fused) = try PassCheck(absolute: nil)(model, inputs, passes: passes)
            #expect(failures == [])
            return fused.kinds
        }
        #expect(try kinds { try $0(Arithmetic(.add), $1, $0.parameter(1, 1, 3)) } == ["Conv", "Add"])
        #expect(try kinds { try $0(Arithmetic(.add), $1, $1) } == ["Conv", "Add"])
        #expect(try kinds { try $0(Arithmetic(.subtract), $1, $0.x) } == ["Conv", "Sub"])
        #expect(
            try kinds { try $0(Arithmetic(.multiply), $0(Arithmetic(.add), $1, $0.x), $1) } == ["Conv", "Add", "Mul"])
        #expect(try kinds { try $0(Arithmetic(.add), $0(Activate(.relu), $1), $0.x) } == ["Conv", "Add"])
    }

    @Test("the residual's memory becomes the result's where nobody reads it later")
    func inPlace() throws {
        let net = PassModel([1, 16, 16, 8])
        let window = try WindowGeometry(kernel: [3, 3], padding: .same)
        var y = try net(Conv(window: window), net.x, net.parameter(3, 3, 8, 8))
        for _ in 0..<3 {
            let inner = try net(Conv(window: window), y, net.parameter(3, 3, 8, 8))
            y = try net(Arithmetic(.add), net(Conv(window: window), inner, net.parameter(3, 3, 8, 8)), y)
        }
        let (model, inputs) = try net.finished(net(Activate(.relu), y))
        let plan = try Plan(model, inputs: inputs.mapValues(\.shape))
        #expect(plan.arenaBytes <= 2 * 16 * 16 * 8 * 4)
        #expect(try PassCheck()(model, inputs).failures == [])
    }

    @Test("the gradients of a residual and of what is behind it")
    func gradients() throws {
        var generator = Philox(seed: 3)
        let window = try WindowGeometry(kernel: [3, 3], padding: .same)
        let shapes = [[2, 4, 5, 3], [3, 3, 3, 3], [3], [2, 4, 5, 3]]
        let inputs = shapes.enumerated().map {
            GradientCheck.Input("input\($0)", .uniform($1, using: &generator))
        }
        let conv = try GradientCheck(inputs, seed: 1) { graph, symbols in
            try graph.append(Conv(window: window, activation: .tanh), inputs.map { symbols[$0.name] })
        }
        #expect(try conv.mismatches() == [])
        let matrices = [[2, 3, 4], [4, 5], [5], [2, 3, 5]].enumerated().map {
            GradientCheck.Input("input\($0)", .uniform($1, using: &generator))
        }
        let product = try GradientCheck(matrices, seed: 2) { graph, symbols in
            try graph.append(MatMul(activation: .sigmoid), matrices.map { symbols[$0.name] })
        }
        #expect(try product.mismatches() == [])
    }
}
