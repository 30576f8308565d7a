import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// An equation without "..." and the extents of its labels.
struct EinsumCase: CustomTestStringConvertible {
    var equation: String
    var extents: [Character: Int]

    static let all: [EinsumCase] = [
        EinsumCase(equation: "ij->ji", extents: ["i": 3, "j": 4]),
        EinsumCase(equation: "ij->", extents: ["i": 3, "j": 4]),
        EinsumCase(equation: "ii->", extents: ["i": 4]), EinsumCase(equation: "ii->i", extents: ["i": 4]),
        EinsumCase(equation: "bii->b", extents: ["b": 2, "i": 3]),
        EinsumCase(equation: "i,i->", extents: ["i": 5]), EinsumCase(equation: "i,j->ij", extents: ["i": 5, "j": 3]),
        EinsumCase(equation: "bij,bjk->bik", extents: ["b": 3, "i": 4, "j": 5, "k": 6]),
        EinsumCase(equation: "bij,bkj->kbi", extents: ["b": 3, "i": 4, "j": 5, "k": 6]),
        EinsumCase(equation: "nhwc,cd->nhwd", extents: ["n": 2, "h": 3, "w": 2, "c": 5, "d": 4]),
        EinsumCase(equation: "abcd,cbe->aed", extents: ["a": 2, "b": 3, "c": 4, "d": 2, "e": 3]),
        EinsumCase(equation: "ij,jk,kl->il", extents: ["i": 2, "j": 3, "k": 4, "l": 2]),
        EinsumCase(equation: "ij,j->i", extents: ["i": 6, "j": 7]),
        EinsumCase(equation: "ij,ij->ij", extents: ["i": 3, "j": 4]),
        EinsumCase(equation: "ijk,j->k", extents: ["i": 2, "j": 3, "k": 4]),
        EinsumCase(equation: "iij,jk->ik", extents: ["i": 3, "j": 4, "k": 2]),
        EinsumCase(equation: ",ij->ij", extents: ["i": 2, "j": 3]), EinsumCase(equation: ",->", extents: [:]),
        EinsumCase(equation: "ij,jk->ik", extents: ["i": 1, "j": 5, "k": 1]),
        EinsumCase(equation: "ij,jk->ik", extents: ["i": 2, "j": 0, "k": 3]),
        EinsumCase(equation: "ij,jk->ik", extents: ["i": 0, "j": 2, "k": 3]),
        EinsumCase(equation: "ij,kj->ik", extents: ["i": 50, "j": 33, "k": 21]),
    ]

    var sides: [Substring] { equation.split(separator: ">", omittingEmptySubsequences: false) }
    var inputs: [[Character]] {
        sides[0].dropLast().split(separator: ",", omittingEmptySubsequences: false).map { Array($0) }
    }
    var output: [Character] { Array(sides[1]) }
    func shape(_ labels: [Character]) -> [Int] { labels.map { extents[$0] ?? 1 } }
    var testDescription: String { "\(equation), \(extents.sorted { $0.key < $1.key })" }

    /// The sum over all labels.
    func expected(_ operands: [DoubleTensor]) -> DoubleTensor {
        let labels = extents.keys.sorted()
        var y = DoubleTensor(zeros: shape(output))
        for place in DoubleTensor.indices(of: shape(labels)) {
            let position = Dictionary(uniqueKeysWithValues: zip(labels, place))
            func at(_ labels: [Character]) -> [Int] { labels.map { position[$0] ?? 0 } }
            y[at(output)] += zip(operands, inputs).reduce(1.0) { $0 * $1.0[at($1.1)] }
        }
        return y
    }
}

@Suite("Einsum")
struct EinsumTests {
    @Test("sums of products", arguments: KernelLevel.available, EinsumCase.all)
    func values(level: KernelLevel, test: EinsumCase) throws {
        var generator = Philox(seed: 1, name: "values")
        let operands = test.inputs.map { DoubleTensor.integers(test.shape($0), using: &generator) }
        let expected = test.expected(operands)
        for elementType in [ElementType.float32, .float64, .int32, .int8]
        where elementType != .int8 || expected.values.allSatisfy({ abs($0) < 100 }) {
            let tensors = try operands.map {
                elementType.isComputable
                    ? try $0.tensor(elementType) : try integerTensor($0.values, $0.shape, elementType)
            }
            let y = try run(Einsum(test.equation), tensors, mode: RunMode(level: level, threads: 2))[0]
            #expect(y.elementType == elementType && y.shape.dimensions == expected.shape)
            #expect(try y.doubles() == expected.values, "\(elementType)")
        }
    }

    @Test("gradients", arguments: EinsumCase.all)
    func gradients(test: EinsumCase) throws {
        guard test.extents.values.reduce(1, *) < 5000, !test.extents.values.contains(0) else { return }
        var generator = Philox(seed: 2, name: "values")
        let inputs = test.inputs.enumerated().map { index, labels in
            GradientCheck.Input("x\(index)", .uniform(test.shape(labels), using: &generator))
        }
        let check = try GradientCheck(inputs, seed: 1) { graph, symbols in
            [try graph.append(Einsum(test.equation), inputs.map { symbols[$0.name] })[0]]
        }
        #expect(try check.mismatches() == [])
    }

    @Test(
        "forms of an equation mean the same",
        arguments: [
            ("bij, bjk", "bij,bjk->ik", [[2, 3, 4], [2, 4, 5]]), ("ij,ij", "ij,ij->", [[3, 4], [3, 4]]),
            ("ba", "ba->ab", [[3, 4]]), ("aB", "aB->Ba", [[3, 4]]),
            ("...ij,...jk->...ik", "xyij,xyjk->xyik", [[2, 3, 2, 4], [2, 3, 4, 5]]),
            ("...ij,jk", "xij,jk->xik", [[2, 3, 4], [4, 5]]), ("i...->...i", "ixy->xyi", [[2, 3, 4]]),
            ("...ii->...i", "xii->xi", [[2, 3, 3]]), ("i...i->...", "ixi->x", [[3, 2, 3]]),
        ])
    func forms(form: String, plain: String, shapes: [[Int]]) throws {
        let tensors = try shapes.enumerated().map { try randomTensor($1, seed: UInt64($0)) }
        #expect(try run(Einsum(form), tensors) == run(Einsum(plain), tensors))
    }

    @Test("what stands for \"...\" broadcasts, and axes of one element stretch; so do their gradients")
    func broadcast() throws {
        var generator = Philox(seed: 1, name: "values")
        for (equation, a, b) in [
            ("...ij,...jk->...ik", [2, 1, 3, 4], [5, 4, 2]), ("ij,jk->ik", [3, 1], [4, 2]),
            ("i...,i...->...", [3, 4], [3, 2, 1]),
        ] {
            let inputs = [
                GradientCheck.Input("a", .uniform(a, using: &generator)),
                GradientCheck.Input("b", .uniform(b, using: &generator)),
            ]
            let check = try GradientCheck(inputs, seed: 1) { graph, symbols in
                [try graph.call(Einsum(equation), symbols["a"], symbols["b"])]
            }
            #expect(try check.mismatches() == [], "\(equation)")
        }
        let y = try run(Einsum("...i->..."), [randomTensor([2, 3, 4])])[0]
        #expect(y.shape.dimensions == [2, 3])
        let matrices = [try randomTensor([2, 1, 3, 4]), try randomTensor([5, 4, 2])]
        let product = try run(MatMul(), matrices)[0]
        #expect(try relativeDifference(run(Einsum("...ij,...jk->...ik"), matrices)[0], product) < 1e-6)
    }

    @Test(
        "axes of the first input in another order",
        arguments: [("ijk,kl->jil", [2, 0, 1]), ("iij->ji", [1, 2, 0]), ("ijk->", [0, 2, 1])])
    func permuted(equation: String, order: [Int]) throws {
        let shape = equation.hasPrefix("ii") ? [3, 3, 4] : [2, 3, 4]
        let tensors = try equation.contains(",") ? [randomTensor(shape), randomTensor([4, 5])] : [randomTensor(shape)]
        let difference = try permutedDifference(
            Einsum(equation), tensors, by: Permutation(order), tolerance: 1e-5)
        #expect(difference == nil)
    }

    @Test("a row has the same bits in every batch")
    func sameBits() throws {
        let (x, w) = (try randomTensor([5, 60, 70]), try randomTensor([70, 80]))
        let together = try run(Einsum("nhc,cd->dnh"), [x, w])[0].permuted(by: Permutation([1, 2, 0]))
        for image in 0..<5 {
            let alone = try run(Einsum("nhc,cd->nhd"), [x.slice(image..<image + 1), w])[0]
            #expect(try differingBits(alone, together.slice(image..<image + 1)) == 0)
        }
    }

    @Test(
        "what is no equation is refused",
        arguments: ["i->j", "ij->ii", "i->j->k", "i1", "i.i", "....", "...i...", "é", "i->...i...", "->i"])
    func equations(equation: String) { #expect(throws: ShapeError.self) { try Einsum(equation) } }

    @Test(
        "inputs that do not fit are refused",
        arguments: [
            ("ij", [[2]]), ("ij,jk", [[2, 3], [4, 2]]), ("ij,jk", [[2, 3]]), ("i", [[2], [2]]), ("...i->i", [[2, 3]]),
            ("", [[2]]),
        ])
    func operands(equation: String, shapes: [[Int]]) throws {
        let tensors = try shapes.map { try Tensor(repeating: Float(1), shape: $0) }
        #expect(throws: ShapeError.self) { try run(Einsum(equation), tensors) }
    }

    @Test("files are read back as they were")
    func files() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [2, 3, 4]))
        graph.output(try graph.call(Einsum("bij,bkj->bik"), x, x), name: "y")
        let model = graph.model
        let again = try Model(onnxBytes: model.onnxBytes(opset: 13))
        let inputs = ["x": try randomTensor([2, 3, 4])]
        #expect(try run(again, inputs) == run(model, inputs))
    }
}
