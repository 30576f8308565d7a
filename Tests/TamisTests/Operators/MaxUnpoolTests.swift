import Tamis
import TamisTestSupport
import Testing

@Suite("MaxUnpool")
struct MaxUnpoolTests {
    /// Poolings whose windows fill the image, so that unpooling gives its shape again.
    static let geometries = [
        Geometry(input: [6], kernel: [2], stride: [2]), Geometry(input: [6, 8], kernel: [2, 2], stride: [2, 2]),
        Geometry(input: [7, 9], kernel: [3, 3], stride: [2, 2]),
        Geometry(input: [7, 7], kernel: [3, 3], stride: [2, 2], padding: .explicit(before: [1, 1], after: [1, 1])),
        Geometry(input: [4, 6, 6], kernel: [2, 3, 2], stride: [2, 3, 2]),
    ]

    @Test(
        "undoes MaxPool: maxima at their places, zeros elsewhere", arguments: geometries, [ElementType.float32, .int8])
    func inverse(geometry: Geometry, elementType: ElementType) throws {
        var generator = Philox(seed: 1, name: "values")
        let shape = [2] + geometry.input + [3]
        let x = DoubleTensor.integers(shape, in: 1...99, using: &generator)
        let window = try geometry.window()
        let pooled = try run(MaxPool(window: window, indices: .rowMajor), [x.numbers(elementType)])
        let y = try run(MaxUnpool(window: window), [pooled[0], pooled[1]])[0]
        var expected = DoubleTensor(zeros: shape)
        let places = Oracle.maxPoolIndices(x, geometry, isColumnMajor: false).values
        let channelFirst = [shape[0], shape[shape.count - 1]] + geometry.input
        for (place, index) in zip(DoubleTensor.indices(of: channelFirst), 0...) where places.contains(Double(index)) {
            let channelLast = [place[0]] + place[2...] + [place[1]]
            expected[channelLast] = x[channelLast]
        }
        #expect(try y.doubles() == expected.values && y.shape.dimensions == shape)
    }

    @Test("a shape adds zeros behind")
    func shape() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: [1, 2, 2, 1])
        let indices = try Tensor([5, 7, 13, 15] as [Int64], shape: [1, 2, 2, 1])
        let window = try WindowGeometry(kernel: [2, 2], stride: [2, 2])
        let y = try run(MaxUnpool(window: window), [x, indices, Tensor([1, 1, 5, 6] as [Int64])], weights: [2])[0]
        var expected = DoubleTensor(zeros: [1, 5, 6, 1])
        for (place, value) in [([0, 1, 1, 0], 1.0), ([0, 1, 3, 0], 2), ([0, 3, 1, 0], 3), ([0, 3, 3, 0], 4)] {
            expected[place] = value
        }
        #expect(try firstDifference(y, expected) == nil)
    }

    @Test("gradient")
    func gradient() throws {
        var generator = Philox(seed: 2, name: "values")
        let window = try WindowGeometry(kernel: [2, 2], stride: [2, 2])
        let x = DoubleTensor.uniform([2, 3, 2, 3], using: &generator)
        let image = DoubleTensor.distinct([2, 6, 4, 3], using: &generator)
        let indices = try run(MaxPool(window: window, indices: .rowMajor), [image.tensor()])[1]
        let check = try GradientCheck([.init("x", x)], labels: ["indices": indices], seed: 2) { graph, symbols in
            [try graph.call(MaxUnpool(window: window), symbols["x"], symbols["indices"])]
        }
        #expect(try check.mismatches() == [])
    }

    @Test("an index outside is an error, not a trap", arguments: [-1, 16, Int64.max, .min])
    func outside(index: Int64) throws {
        let x = try Tensor([1] as [Float], shape: [1, 1, 1, 1])
        let window = try WindowGeometry(kernel: [4, 4])
        let indices = try Tensor([index], shape: [1, 1, 1, 1])
        #expect(throws: ExecutionError.self) { try run(MaxUnpool(window: window), [x, indices]) }
    }

    @Test(
        "shapes that do not hold the elements are refused",
        arguments: [[1, 1, 3, 4], [2, 1, 4, 4], [1, 1, 4], [1, 2, 4, 4]])
    func badShape(shape: [Int64]) throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: [1, 2, 2, 1])
        let indices = try Tensor([0, 1, 2, 3] as [Int64], shape: [1, 2, 2, 1])
        let window = try WindowGeometry(kernel: [2, 2], stride: [2, 2])
        #expect(throws: ShapeError.self) {
            try run(MaxUnpool(window: window), [x, indices, Tensor(shape)], weights: [2])
        }
    }
}
