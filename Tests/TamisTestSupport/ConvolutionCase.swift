import Tamis

/// A convolution: its geometry, its channels, and what it works on.
package struct ConvolutionCase: Sendable, CustomStringConvertible {
    package var geometry: Geometry
    package var images: Int
    package var channels: Int
    package var filters: Int
    package var groups: Int
    package var hasBias: Bool
    package var activation: Activation

    package init(
        _ geometry: Geometry, images: Int = 1, channels: Int, filters: Int, groups: Int = 1, hasBias: Bool = true,
        activation: Activation = .linear
    ) {
        self.geometry = geometry
        self.images = images
        self.channels = channels
        self.filters = filters
        self.groups = groups
        self.hasBias = hasBias
        self.activation = activation
    }

    /// One of many: plain, grouped or depthwise with a multiplier, of 0 (rarely) to 3 images.
    package static func random(
        _ index: Int, largest: Int = 13, activations: [Activation] = [.linear, .relu]
    ) -> ConvolutionCase {
        var generator = Philox(seed: UInt64(index), name: "convolution")
        let geometry = Geometry.random(for: .convolution, largest: largest, using: &generator)
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        var (channels, filters, groups) = (number(1...9), number(1...19), 1)
        switch number(0...3) {
        case 0:
            groups = number(2...3)
            channels = groups * number(1...4)
            filters = groups * number(1...9)
        case 1:
            groups = number(2...19)
            channels = groups
            filters = groups * number(1...3)
        default: break
        }
        return ConvolutionCase(
            geometry, images: number(0...19) == 0 ? 0 : number(1...3), channels: channels, filters: filters,
            groups: groups,
            hasBias: number(0...2) > 0, activation: activations[number(0...activations.count - 1)])
    }

    package var xShape: [Int] { [images] + geometry.input + [channels] }
    package var wShape: [Int] { geometry.kernel + [channels / groups, filters] }
    /// Products in one output: the K of the matrix product.
    package var depth: Int { geometry.taps * channels / groups }

    package func operation() throws -> Conv {
        Conv(window: try geometry.window(), groups: groups, activation: activation)
    }

    package var description: String {
        "\(geometry), \(images) images, \(channels) channels, \(filters) filters, \(groups) groups"
            + (hasBias ? "" : ", no bias") + (activation == .linear ? "" : ", \(activation.name)")
    }
}
