import Tamis
import Testing

struct KnownNetworkTests {
    @Test(arguments: [(KnownNetwork.lesson, 243_786), (.dense, 101_770), (.lenet5, 61_706)])
    func hasItsParameters(network: KnownNetwork, count: Int) throws {
        let model = try network.network(seed: 1).model
        #expect(model.parameters.scalarCount == count)
        #expect(model.inputs[0].type == .tensor(.float32, ["batch", 28, 28, 1]))
        #expect(model.outputs[0].type.dimensions == ["batch", 10])
    }

    @Test func takesOtherImagesAndClasses() throws {
        for network in KnownNetwork.allCases {
            let model = try network.network(input: [32, 48, 3], classes: 7).model
            let answer = try model.predict(Tensor(repeating: Float(0.5), shape: [1, 32, 48, 3]))
            #expect(answer.shape.dimensions == [1, 7])
        }
        #expect(throws: ShapeError.self) { try KnownNetwork.lenet5.network(input: [32, 48]) }
        #expect(throws: ShapeError.self) { try KnownNetwork.lesson.network(input: [4, 4, 1]) }
    }
}
