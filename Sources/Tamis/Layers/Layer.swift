/// An operation with learned state: it appends its nodes and parameters to the graph its inputs belong to.
///
/// A layer is a value with an identity: called twice, also by a copy, it shares its weights, as in Keras.
public protocol Layer: Sendable {
    /// Keras's name for the kind of layer, such as "Conv2D".
    var kind: String { get }
    /// The layer's own name; nil takes the kind's name in small letters, numbered.
    var name: String? { get }
    /// Appends what the layer computes of `inputs`, under the name `name`.
    func apply(to inputs: [Symbol], name: String, in graph: GraphBuilder) throws(ShapeError) -> [Symbol]
}

extension Layer {
    public var name: String? { nil }

    /// The outputs of the layer for these inputs, appended to their graph.
    public func callAsFunction(_ inputs: [Symbol]) throws(ShapeError) -> [Symbol] {
        guard let graph = inputs.first?.graph else {
            throw .mismatch(rule: "a \(kind) layer must have an input", received: "none")
        }
        return try apply(to: inputs, name: graph.uniqueLayerName(name ?? kind.snakeCased), in: graph)
    }

    /// The only output of the layer for one input.
    public func callAsFunction(_ input: Symbol) throws(ShapeError) -> Symbol {
        let outputs = try callAsFunction([input])
        guard outputs.count == 1 else {
            throw .mismatch(
                rule: "a \(kind) layer called with one input must have one output", received: "\(outputs.count)")
        }
        return outputs[0]
    }

    /// The input of a layer that takes one, of known rank.
    func single(_ inputs: [Symbol], rank: Int? = nil) throws(ShapeError) -> (symbol: Symbol, dimensions: [Dimension]) {
        guard inputs.count == 1, let dimensions = inputs[0].dimensions else {
            throw .mismatch(rule: "a \(kind) layer takes one input of known rank", received: "\(inputs.map(\.type))")
        }
        if let rank, dimensions.count != rank {
            throw .mismatch(rule: "a \(kind) layer takes an input of \(rank) axes", received: "\(inputs[0].type)")
        }
        return (inputs[0], dimensions)
    }

    /// The extent of the last axis, which must be known to make weights.
    func features(_ dimensions: [Dimension]) throws(ShapeError) -> Int {
        guard let value = dimensions.last?.value, value > 0 else {
            throw .mismatch(
                rule: "a \(kind) layer must know the extent of its input's last axis", received: "\(dimensions)")
        }
        return value
    }
}

/// What makes a layer and its copies the same layer.
final class LayerIdentity: Sendable {}

extension GraphBuilder {
    /// The parameter `role` of a layer, drawn by an initialiser when the layer is first called.
    func parameter(
        _ role: String, of identity: LayerIdentity, layer: String, shape: [Int], initializer: Initializer,
        isTrainable: Bool = true
    ) throws(ShapeError) -> Symbol {
        try parameter(role, of: identity) { (graph) throws(ShapeError) in
            let name = "\(layer)/\(role)"
            let tensor = try initializer.tensor(shape: shape, using: Philox(seed: graph.seed, name: name))
            return graph.parameter(name, tensor, isTrainable: isTrainable)
        }
    }
}

extension String {
    /// "MaxPooling2D" as Keras writes it in names: "max_pooling2d".
    var snakeCased: String {
        var result = ""
        var previous: Character = "_"
        for (index, character) in enumerated() {
            let next = dropFirst(index + 1).first
            let startsWord =
                character.isUppercase && (previous.isLowercase || (previous.isUppercase && next?.isLowercase == true))
            if startsWord { result.append("_") }
            result.append(character.lowercased())
            previous = character
        }
        return result
    }
}
