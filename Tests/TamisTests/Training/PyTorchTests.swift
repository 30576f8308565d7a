import Tamis
import Testing

/// An imported network and PyTorch's gradients of it, as `Tests/Python/peer_training.py` stored them.
private enum PyTorchAnswers {
    static let folder = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Fixtures/PyTorch"

    static func model(_ name: String) throws -> Model { try Model(onnx: "\(folder)/resnet18.\(name).onnx") }

    static func tensor(_ name: String) throws -> Tensor { try Tensor(npy: "\(folder)/resnet18.\(name).npy") }
}

@Suite struct PyTorchTests {
    /// For each name, in order, its part of the stored numbers against what was found, relative to the largest number.
    private func errors(of found: [String: Tensor], from stored: String) throws -> [String: Float] {
        var rest = try PyTorchAnswers.tensor(stored).scalars(as: Float.self)[...]
        var errors: [String: Float] = [:]
        for (name, tensor) in found.sorted(by: { $0.key < $1.key }) {
            let wanted = rest.prefix(tensor.shape.elementCount)
            rest = rest.dropFirst(wanted.count)
            let difference = try zip(tensor.scalars(as: Float.self), wanted).map { abs($0 - $1) }.max() ?? .infinity
            errors[name] = difference / (wanted.map(abs).max() ?? 0)
        }
        #expect(rest.isEmpty)
        return errors
    }

    @Test("gradients of an imported ResNet-18 in two steps", arguments: ["inference", "training"])
    func trainsAsPyTorch(export: String) throws {
        var model = try PyTorchAnswers.model(export)
        let (images, labels) = (try PyTorchAnswers.tensor("images"), try PyTorchAnswers.tensor("labels"))
        for step in 0..<2 {
            var found = try Runner(model.gradients(of: .sparseCategoricalCrossentropy), threads: 2)
                .run(["images": images, "labels": labels])
            #expect(found.removeValue(forKey: "loss") != nil && found.removeValue(forKey: "accuracy") != nil)
            #expect(found.count == 62)
            for (name, error) in try errors(of: found, from: "gradients.\(step)") {
                #expect(error <= 1e-4, "\(name) in step \(step)")
            }
            let training = try TrainingStep(
                model, loss: .sparseCategoricalCrossentropy, optimizer: .sgd(learningRate: 0.01), threads: 2)
            _ = try training(images, labels)
            model.parameters = training.parameters
        }
        let means = try model.parameters.names.filter { $0.hasSuffix("running_mean") }
            .map { ($0, try #require(model.parameters[$0])) }
        for (name, error) in try errors(of: Dictionary(uniqueKeysWithValues: means), from: "means") {
            #expect(error <= 1e-4, "\(name)")
        }
    }
}
