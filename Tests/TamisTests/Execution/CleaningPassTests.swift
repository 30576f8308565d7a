import Tamis
import TamisTestSupport
import Testing

/// Constants are folded, identities dropped, and what is computed twice is computed once; not one bit changes.
@Suite("Passes that clean up")
struct CleaningPassTests {
    private func kinds(
        _ shape: [Int] = [2, 3, 4], _ passes: any Pass..., build: (PassModel) throws -> Symbol
    ) throws -> [String] {
        let net = PassModel(shape)
        let (model, inputs) = try net.finished(build(net))
        let (failures, cleaned) = try PassCheck(absolute: nil)(model, inputs, passes: passes)
        #expect(failures == [])
        return cleaned.kinds
    }

    // MARK: Constants

    @Test("arithmetic of constants is done once")
    func foldConstants() throws {
        let left = try kinds([2, 3, 4], FoldConstants()) { net in
            let sum = try net(Arithmetic(.add), net.parameter(4), net.scalar(2))
            return try net(Arithmetic(.multiply), net.x, net(Activate(.relu), sum))
        }
        #expect(left == ["Mul"])
    }

    @Test("a folded constant is an output, too")
    func constantOutput() throws {
        let net = PassModel([2, 3])
        let sum = try net(named: "sum", Arithmetic(.add), net.parameter(4), net.scalar(2))
        net.graph.output(sum, name: "z")
        let (model, inputs) = try net.finished(net(Activate(.tanh), net.x))
        let (failures, folded) = try PassCheck(absolute: nil)(model, inputs, passes: [FoldConstants(), DropUnread()])
        #expect(failures == [] && folded.kinds == ["Tanh"])
        #expect(folded.graph.values[folded.graph.outputs[0].value].name == "sum")
    }

    @Test("weights move and take other shapes without a copy")
    func movedWeights() throws {
        let net = PassModel([2, 6])
        let w = try net(
            Reshape(), net(Transpose(Permutation([1, 2, 0])), net.parameter(2, 3, 4)), net.integers([6, 4]))
        let (model, inputs) = try net.finished(net(Gemm(), net.x, net(Transpose(Permutation([0, 1])), w)))
        let (failures, folded) = try PassCheck(absolute: nil)(model, inputs, passes: [FoldConstants()])
        #expect(failures == [] && folded.kinds == ["Gemm"])
        let moved = try #require(
            folded.graph.nodes[0].inputs[1].flatMap { folded.parameters[folded.graph.values[$0].name] })
        #expect(moved.storage.isDeferred && moved.shape.dimensions == [6, 4])
    }

    @Test("what grows beyond a megabyte is computed in each run")
    func boundedConstants() throws {
        #expect(
            try kinds([1, 1], FoldConstants()) { net in
                try net(Arithmetic(.add), net.x, net(Arithmetic(.add), net.parameter(600, 1), net.parameter(1, 600)))
            } == ["Add", "Add"])
        #expect(
            try kinds([1, 1], FoldConstants()) { net in
                try net(Arithmetic(.add), net.x, net(Arithmetic(.add), net.parameter(60, 1), net.parameter(1, 60)))
            } == ["Add"])
    }

    @Test("of the shape of a free batch, what is fixed is known")
    func partialShapes() throws {
        // What exporters write for x.reshape(len(x), channels, 5, 1), and half of the channels.
        let left = try kinds([3, 4, 5], FoldConstants(), DropUnread()) { net in
            func extent(_ axis: Int) throws -> Symbol {
                try net(Gather(), net(ShapeOf(), net.x), net.graph.constant(Tensor(scalar: Int64(axis))))
            }
            func list(_ symbol: Symbol) throws -> Symbol { try net(Unsqueeze(axes: [0]), symbol) }
            let shape = try net(Concat(axis: 0), list(extent(0)), list(extent(1)), net.integers([5, 1]))
            let shaped = try net(Reshape(), net.x, shape)
            let end = try net(Slice([.init(axis: 0, start: 1, end: 2)]), net(ShapeOf(), shaped))
            return try net(Slice(), shaped, net.integers([1]), end, net.integers([1]))
        }
        #expect(left == ["Reshape", "Slice"])
    }

    @Test("extents at their own place are copied, whatever they are")
    func copiedExtents() throws {
        // x.reshape(len(x), channels, -1), of images of any size.
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["batch", .unknown, .unknown, .unknown]))
        let shape = try graph.call(Slice([.init(axis: 0, start: 0, end: 2)]), graph.call(ShapeOf(), x))
        let rest = graph.constant(try Tensor([Int64(-1)]))
        graph.output(try graph.call(Reshape(), x, graph.append(Concat(axis: 0), [shape, rest])[0]), name: "y")
        let (failures, folded) = try PassCheck(absolute: nil)(
            graph.model, ["x": randomTensor([2, 3, 4, 5])], passes: [FoldConstants(), DropUnread()])
        #expect(failures == [] && folded.kinds == ["Reshape"])
        #expect((folded.graph.nodes[0].operation as? Reshape)?.shape == [0, 0, -1])
    }

    @Test("in a step of training only constants are folded")
    func training() throws {
        let net = PassModel([2, 4])
        let (w, c) = (try net.parameter(4), try net(Activate(.relu), net.scalar(2)))
        let next = try net(Arithmetic(.multiply), w, c)
        net.graph.update(w, to: next)
        let (model, _) = try net.finished(net(Arithmetic(.add), net.x, w))
        #expect(try FoldConstants()(model).kinds == ["Mul", "Add"])
    }

    // MARK: Identities

    @Test("nodes that change nothing are dropped")
    func dropIdentities() throws {
        let left = try kinds([2, 3, 4], DropIdentities()) { net in
            let a = try net(Activate(.linear), net.x)
            let b = try net(Transpose(Permutation([0, 1, 2])), a)
            let c = try net(Reshape(), b, net.integers([0, 3, -1]))
            return try net(Activate(.relu), net(Reshape(), c, net.integers([-1, 3, 4])))
        }
        #expect(left == ["Relu"])
        #expect(try kinds([2, 12], DropIdentities()) { try $0(Tamis.Flatten(), $0.x) } == [])
    }

    @Test("moves that move nothing are dropped")
    func dropMoves() throws {
        let left = try kinds([2, 3, 4], DropIdentities()) { net in
            let a = try net(Slice([.init(axis: 1, start: 0, end: 3), .init(axis: 2, start: -9, end: 99)]), net.x)
            let b = try net(Pad(.edge, [.init(axis: 2, before: 0, after: 0)]), a)
            let c = try net(Concat(axis: 1), net(Tile(repeats: [1, 1, 1]), b))
            return try net(Arithmetic(.divide), net(Arithmetic(.multiply), c, net.scalar(1)), net.scalar(1))
        }
        #expect(left == [])
        let kept = try kinds([2, 3, 4], DropIdentities()) { net in
            let a = try net(Slice([.init(axis: 1, start: -1, end: -9, step: -1)]), net.x)
            let b = try net(Concat(axis: 1), net(Slice([.init(axis: 1, start: 1, end: 3)]), a), net.x)
            return try net(Pad(.constant, [.init(axis: 1, before: 1, after: -1)]), b)
        }
        #expect(kept == ["Slice", "Slice", "Concat", "Pad"])
    }

    @Test("an output may be an input, and several outputs one value")
    func aliases() throws {
        let net = PassModel([2, 3])
        net.graph.output(try net(Activate(.linear), net.x), name: "same")
        net.graph.output(net.x, name: "input")
        let (model, inputs) = try net.finished(net(Activate(.linear), net.x))
        let (failures, cleaned) = try PassCheck(absolute: nil)(model, inputs, passes: [DropIdentities()])
        #expect(failures == [] && cleaned.kinds == [])
    }

    @Test("what was cut is not joined again")
    func cuts() throws {
        let left = try kinds([2, 6, 4], DropIdentities()) { net in
            let parts = try net.graph.append(Split(axis: 1, parts: .lengths([1, 2, 3])), [net.x])
            let halves = try [(0, 3), (-3, 99)].map { try net(Slice([.init(axis: -2, start: $0.0, end: $0.1)]), net.x) }
            let joined = try net.graph.append(Concat(axis: 1), halves + [parts[2]] + parts + [halves[0]])[0]
            return try net.graph.append(Concat(axis: -2), net.graph.append(Split(axis: 1, parts: .equal(3)), [joined]))[
                0]
        }
        #expect(left == ["Split", "Slice", "Concat"])
        let kept = try kinds([2, 6, 4], DropIdentities()) { net in
            let parts = try net.graph.append(Split(axis: 1, parts: .equal(2)), [net.x])
            let across = try net.graph.append(Concat(axis: 2), parts)[0]
            return try net.graph.append(
                Concat(axis: 1), [across, net.graph.append(Concat(axis: 2), parts.reversed())[0]])[0]
        }
        #expect(kept == ["Split", "Concat", "Concat", "Concat"])
    }

    @Test(
        "of two shapes in a row only the last counts",
        arguments: [
            ([6, 4], [4, 6], 1), ([-1, 4], [-1, 8], 1), ([6, 4], [0, 2, 2], 1), ([0, 12], [-1, 2, 6], 1),
            ([2, 12], [-1, 2, 6], 1),
        ])
    func twoShapes(first: [Int], last: [Int], left: Int) throws {
        let kinds = try kinds([2, 3, 4], DropIdentities()) { net in
            try net(Reshape(), net(Reshape(), net.x, net.integers(first)), net.integers(last))
        }
        #expect(kinds.count == left)
    }

    @Test("a shape that makes rows of images is a Flatten, in whatever way")
    func flatten() throws {
        let left = try kinds([2, 3, 1, 4], DropIdentities()) { net in
            try net(Reshape(allowsZero: true), net(Squeeze(axes: [2]), net.x), net.integers([-1, 12]))
        }
        #expect(left == ["Flatten"])
    }

    // MARK: Common subexpressions

    @Test("the same operation on the same values is done once")
    func commonSubexpressions() throws {
        let left = try kinds([2, 3, 4], EliminateCommonSubexpressions()) { net in
            let a = try net(Arithmetic(.add), net(Activate(.tanh), net.x), net.scalar(3))
            let b = try net(Arithmetic(.add), net(Activate(.tanh), net.x), net.scalar(3))
            return try net(Arithmetic(.multiply), a, b)
        }
        #expect(left == ["Tanh", "Add", "Mul"])
    }

    @Test("other attributes, other constants and operands in another order are not the same")
    func differentExpressions() throws {
        let left = try kinds([2, 3, 4], EliminateCommonSubexpressions()) { net in
            let a = try net(Arithmetic(.subtract), net(Softmax(axis: 1), net.x), net.scalar(3))
            let b = try net(Arithmetic(.subtract), net.scalar(3), net(Softmax(axis: 2), net.x))
            return try net(Arithmetic(.add), net(Arithmetic(.add), a, b), net(Arithmetic(.subtract), a, net.scalar(4)))
        }
        #expect(left.count == 7)
    }

    @Test("what cannot be compared stays")
    func incomparable() throws {
        struct Noise: Operator {
            var kind: String { "Noise" }
            func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
                [inputs.all[0]?.type].compactMap { $0 }
            }
            func prepare(_ context: Preparation) throws(PlanError) -> Prepared { .view }
        }
        let left = try kinds([2, 3], EliminateCommonSubexpressions()) { net in
            try net(Arithmetic(.add), net(Noise(), net.x), net(Noise(), net.x))
        }
        #expect(left == ["Noise", "Noise", "Add"])
    }

    // MARK: Reports

    @Test("a report says which nodes went where")
    func report() throws {
        let net = PassModel([2, 5, 4, 6])
        let y = try net(named: "conv", Conv(window: WindowGeometry(kernel: [1, 1])), net.x, net.parameter(1, 1, 6, 6))
        let scaled = try net(named: "scale", Arithmetic(.multiply), y, net.parameter(6))
        let sum = try net(named: "sum", Arithmetic(.add), scaled, net.x)
        let same = try net(named: "same", Activate(.linear), sum)
        let (model, _) = try net.finished(net(named: "relu", Activate(.relu), same))
        var reports: [PassReport] = []
        #expect(try model.optimized { reports.append($0) }.kinds == ["Conv"])
        #expect(reports.map(\.pass) == ["drop identities", "fold scales", "fuse residual", "fuse activation"])
        #expect(reports.map(\.nodesBefore) == [5, 4, 3, 2])
        #expect(reports.map(\.nodesAfter) == [4, 3, 2, 1])
        #expect(
            reports.flatMap(\.changes).map(\.description) == [
                #"Identity "same" is gone"#,
                #"Conv "conv" is changed"#, #"Mul "scale" goes into "conv""#,
                #"Conv "conv" is changed"#, #"Add "sum" goes into "conv""#,
                #"Conv "conv" is changed"#, #"Relu "relu" goes into "conv""#,
            ])
    }
}
