/// Networks that go by a name, built for images of any size and any number of classes.
///
///     let network = try KnownNetwork.lesson.network(seed: 1)
public enum KnownNetwork: String, Sendable, Hashable, CaseIterable {
    /// What a first lesson on convolution builds: two convolutions of 64 filters with pooling, a dense layer of 128.
    case lesson
    /// No convolution at all: a dense layer of 128 on the pixels.
    case dense
    /// LeNet-5 (LeCun and others, 1998) as it is built today: relu and max pooling.
    case lenet5

    /// The network with first weights drawn by `seed`; `input` is height × width × channels.
    public func network(
        input: [Int] = [28, 28, 1], classes: Int = 10, seed: UInt64 = 0
    ) throws(ShapeError) -> Sequential {
        switch self {
        case .lesson:
            try Sequential(input: input, seed: seed) {
                Conv2D(64, (3, 3), activation: .relu)
                MaxPooling2D(2, 2)
                Conv2D(64, (3, 3), activation: .relu)
                MaxPooling2D(2, 2)
                Flatten()
                Dense(128, activation: .relu)
                Dense(classes, activation: .softmax)
            }
        case .dense:
            try Sequential(input: input, seed: seed) {
                Flatten()
                Dense(128, activation: .relu)
                Dense(classes, activation: .softmax)
            }
        case .lenet5:
            try Sequential(input: input, seed: seed) {
                Conv2D(6, (5, 5), padding: .same, activation: .relu)
                MaxPooling2D(2, 2)
                Conv2D(16, (5, 5), activation: .relu)
                MaxPooling2D(2, 2)
                Flatten()
                Dense(120, activation: .relu)
                Dense(84, activation: .relu)
                Dense(classes, activation: .softmax)
            }
        }
    }
}
