import Tamis

/// Networks that several tests run.
package enum Networks {
    /// The lesson's network: two convolutions, two poolings, two dense layers.
    package static func lesson(filters: Int = 64, side: Int = 28, seed: UInt64 = 1) throws -> Sequential {
        try Sequential(input: [side, side, 1], seed: seed) {
            Conv2D(filters, (3, 3), activation: .relu)
            MaxPooling2D(2, 2)
            Conv2D(filters, (3, 3), activation: .relu)
            MaxPooling2D(2, 2)
            Flatten()
            Dense(2 * filters, activation: .relu)
            Dense(10, activation: .softmax)
        }
    }

    /// A small network with everything a training step must get right: depthwise and grouped convolutions, batch
    /// normalisation, both poolings, odd sizes.
    package static func mixed(seed: UInt64 = 2) throws -> Sequential {
        try Sequential(input: [13, 11, 3], seed: seed) {
            Conv2D(12, (3, 3), strides: (2, 1), padding: .same, useBias: false)
            BatchNormalization()
            ReLU()
            DepthwiseConv2D((3, 3), padding: .same, depthMultiplier: 2, activation: .tanh)
            Conv2D(10, (1, 1), groups: 2, activation: .sigmoid)
            AveragePooling2D(2, 2, padding: .same)
            Conv2D(9, (3, 2), padding: .same, dilationRate: (2, 1), activation: .relu)
            MaxPooling2D(2, 2, strides: (1, 1))
            Flatten()
            Dense(17, activation: .relu)
            Dense(5, activation: .softmax)
        }
    }

    /// Random images for a network of this input shape, and their labels.
    package static func data(_ count: Int, _ shape: [Int], classes: Int, seed: UInt64 = 3) throws -> (Tensor, Tensor) {
        var generator = Philox(seed: seed, name: "data")
        let images = DoubleTensor.uniform([count] + shape, using: &generator)
        let labels = (0..<count).map { _ in Int64.random(in: 0..<Int64(classes), using: &generator) }
        return (try images.tensor(), try Tensor(labels))
    }
}
