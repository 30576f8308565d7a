import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Image by image")
struct ImagePlanTests {
    private let graph = GraphBuilder()
    private let x: Symbol

    init() { x = graph.input("x", .tensor(.float32, ["n", 16, 16, 8])) }

    private func weights(_ name: String, _ shape: [Int]) throws -> Symbol {
        var generator = Philox(seed: 5, name: name)
        return graph.parameter(name, try DoubleTensor.uniform(shape, using: &generator).tensor())
    }

    /// A convolution with work enough for its weights.
    private func convolution(_ x: Symbol, _ name: String) throws -> Symbol {
        try graph.call(
            Conv(window: WindowGeometry(kernel: [3, 3], padding: .same), activation: .relu), x,
            weights(name, [3, 3, 8, 8]))
    }

    private func plan(_ batch: Int) throws -> Plan {
        try Plan(graph.model, inputs: ["x": Shape([batch, 16, 16, 8])])
    }

    /// Whether a batch of four is computed image by image; its answers are those of each image alone in either case, but for
    /// an output that mixes images.
    private func isImageByImage(answersMix: Bool = false) throws -> Bool {
        let plan = try plan(4)
        let images = try Tensor(random: .float32, shape: Shape([4, 16, 16, 8]), seed: 1, name: "x")
        if !answersMix {
            for threads in [1, 2, 3, 4, 7] {
                let together = try #require(try Session(plan, threads: threads).run(["x": images])["y"])
                for image in 0..<4 {
                    let answers = try Session(self.plan(1), threads: 1).run(["x": images.slice(image..<image + 1)])
                    let (one, alone) = (try together.slice(image..<image + 1), try #require(answers["y"]))
                    #expect(differingBits(one, alone) == 0)
                }
            }
        }
        return plan.runsImageByImage
    }

    @Test("operators that keep images apart")
    func apart() throws {
        let first = try convolution(x, "a")
        let halves = try graph.append(Split(axis: -1, parts: .equal(2)), [first], name: "split")
        var y = try graph.call(Concat(axis: 3), halves[1], halves[0])
        y = try graph.call(Arithmetic(.add), y, convolution(y, "b"))
        y = try graph.call(Arithmetic(.multiply), y, weights("scale", [8]))
        y = try graph.call(Pad(.constant, [Pad.Amount(axis: 1, before: 1, after: 0)]), y)
        y = try graph.call(Slice([Slice.Range(axis: 1, start: 1, end: 17, step: 1)]), y)
        y = try graph.call(MaxPool(window: WindowGeometry(kernel: [2, 2], stride: [2, 2])), y)
        y = try graph.call(Transpose(Permutation([0, 2, 1, 3])), y)
        y = try graph.call(Unary(.squareRoot), y)
        y = try graph.call(Softmax(axis: 1), y)
        y = try graph.call(Flatten(), y)
        y = try graph.call(Gemm(activation: .relu), y, weights("dense", [512, 3]))
        graph.output(y, name: "y")
        let isImageByImage = try isImageByImage()
        #expect(isImageByImage)
        var options = PlanOptions()
        options.optimizes = false
        let plain = try Plan(graph.model, inputs: ["x": Shape([4, 16, 16, 8])], options: options)
        let single = try plan(1)
        #expect(!plain.runsImageByImage && !single.runsImageByImage)
    }

    @Test("along the images' axis they are not apart", arguments: 0..<5)
    func mixed(index: Int) throws {
        let y = try convolution(x, "a")
        let mixed: any Operator =
            switch index {
            case 0: Softmax(axis: 0)
            case 1: Softmax(axis: -4)
            case 2: Reduce(.mean, axes: [0])
            case 3: try Transpose(Permutation([1, 0, 2, 3]))
            default: Slice([Slice.Range(axis: 0, start: .max, end: .min, step: -1)])
            }
        graph.output(try graph.call(mixed, y), name: "y")
        let isImageByImage = try isImageByImage(answersMix: true)
        #expect(!isImageByImage)
    }

    @Test("what follows from the number of images is not one image's")
    func counted() throws {
        let shape = try graph.call(Cast(.float32), graph.call(ShapeOf(), x))
        let count = try graph.call(Slice([Slice.Range(axis: 0, start: 0, end: 1, step: 1)]), shape)
        graph.output(try graph.call(Arithmetic(.multiply), convolution(x, "a"), count), name: "y")
        let isImageByImage = try isImageByImage(answersMix: true)
        #expect(!isImageByImage)
    }

    @Test("where the weights have little work, the batch is computed together")
    func together() throws {
        let y = try convolution(x, "a")
        let dense = try graph.call(Gemm(), graph.call(Flatten(), y), weights("dense", [2048, 3000]))
        graph.output(dense, name: "y")
        let isImageByImage = try isImageByImage()
        #expect(!isImageByImage)
    }
}
