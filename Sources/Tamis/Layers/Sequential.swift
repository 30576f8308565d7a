/// Layers one after the other: a network that reads as in Keras.
///
///     let network = try Sequential(input: [28, 28, 1]) {
///         Conv2D(64, (3, 3), activation: .relu)
///         MaxPooling2D(2, 2)
///         Flatten()
///         Dense(10, activation: .softmax)
///     }
public struct Sequential: Network {
    /// The graph the layers have built, with its parameters.
    public var model: Model
    /// The layers as a summary lists them.
    public let layers: [LayerRecord]

    /// Builds the layers for inputs of `dimensions` beside the batch; `seed` decides the parameters' first values.
    public init(
        input dimensions: [Int], name: String = "input", seed: UInt64 = 0, @LayerBuilder _ layers: () -> [any Layer]
    ) throws(ShapeError) {
        let shape = try Shape(dimensions)
        let graph = GraphBuilder(seed: seed)
        var symbols = [
            graph.input(name, .tensor(.float32, [.named("batch")] + shape.dimensions.map(Dimension.fixed)))
        ]
        var records: [LayerRecord] = []
        for layer in layers() {
            let known = Set(graph.graph.parameters)
            let name = graph.uniqueLayerName(layer.name ?? layer.kind.snakeCased)
            symbols = try layer.apply(to: symbols, name: name, in: graph)
            let added = graph.graph.parameters.filter { !known.contains($0) }
            records.append(
                LayerRecord(
                    name: name, kind: layer.kind, outputs: symbols.map(\.type),
                    parameters: added.map { graph.graph.values[$0].name }))
        }
        guard !records.isEmpty else { throw .mismatch(rule: "a Sequential must have a layer", received: "none") }
        for (index, symbol) in symbols.enumerated() {
            graph.output(symbol, name: index == 0 ? "output" : "output_\(index)")
        }
        model = graph.model
        self.layers = records
    }
}

/// A line of a network's summary.
public struct LayerRecord: Sendable {
    /// The layer's name.
    public let name: String
    /// Keras's name of its kind.
    public let kind: String
    /// What it makes.
    public let outputs: [ValueType]
    /// The names of the parameters it brought.
    public let parameters: [String]
}

/// Gathers the layers of a `Sequential`.
@resultBuilder
public enum LayerBuilder {
    public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
    public static func buildExpression(_ layers: [any Layer]) -> [any Layer] { layers }
    public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap { $0 } }
    public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap { $0 } }
    public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
    public static func buildEither(first: [any Layer]) -> [any Layer] { first }
    public static func buildEither(second: [any Layer]) -> [any Layer] { second }
}
