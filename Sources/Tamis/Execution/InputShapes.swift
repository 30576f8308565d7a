/// Fixed shapes for the inputs of a model: what the caller gave, what the model declares, and for the axes that both leave
/// free what is most likely meant, each told.
public struct InputShapes: Sendable {
    /// An extent that neither the caller nor the model says.
    public struct Assumption: Hashable, Sendable, Encodable {
        /// The input's name.
        public let input: String
        /// The axis, counted from 0.
        public let axis: Int
        /// The name the model has for the extent, if it has one.
        public let dimension: String?
        /// What is assumed.
        public let extent: Int
    }

    /// The shape of each input that is a tensor, by name.
    public private(set) var shapes: [String: Shape] = [:]
    /// What was assumed, in the order of inputs and axes.
    public private(set) var assumptions: [Assumption] = []

    /// Shapes for the inputs of `model`, which `given` must fit; free axes of one name get one extent.
    ///
    /// Free axes of images are taken for 224 pixels (32 where they are three) or 3 channels, all others, batches among them,
    /// for 1. Throws where a name is no input's, a shape does not fit, or not even the number of axes is known.
    public init(_ model: Model, given: [String: Shape] = [:]) throws(PlanError) {
        let inputs = model.inputs
        for name in given.keys.sorted() where !inputs.contains(where: { $0.name == name }) {
            throw .unknownName(name, known: inputs.map(\.name))
        }
        var extents: [String: Int] = [:]
        for (name, type) in inputs {
            guard let shape = given[name], let dimensions = type.dimensions, dimensions.count == shape.rank else {
                continue
            }
            for case (.named(let axis), let extent) in zip(dimensions, shape.dimensions) { extents[axis] = extent }
        }
        for (name, type) in inputs {
            guard type.elementType != nil else { continue }
            guard let dimensions = type.dimensions else {
                guard let shape = given[name] else { throw .missingInput(name: name, type: type) }
                shapes[name] = shape
                continue
            }
            if let shape = given[name] {
                let fits =
                    dimensions.count == shape.rank
                    && zip(dimensions, shape.dimensions).allSatisfy { dimension, extent in
                        if case .named(let axis) = dimension {
                            extents[axis] == extent
                        } else {
                            dimension.value ?? extent == extent
                        }
                    }
                guard fits else { throw .inputShape(name: name, expected: type, received: shape) }
                shapes[name] = shape
                continue
            }
            var fixed: [Int] = []
            for (axis, dimension) in dimensions.enumerated() {
                switch dimension {
                case .fixed(let extent): fixed.append(extent)
                case .named(let axisName) where extents[axisName] != nil: fixed.append(extents[axisName] ?? 1)
                case .named, .unknown:
                    let extent = Self.likely(dimensions, axis)
                    var dimensionName: String?
                    if case .named(let axisName) = dimension {
                        extents[axisName] = extent
                        dimensionName = axisName
                    }
                    fixed.append(extent)
                    assumptions.append(
                        Assumption(input: name, axis: axis, dimension: dimensionName, extent: extent))
                }
            }
            do throws(ShapeError) { shapes[name] = try Shape(fixed) } catch { throw .shape(error) }
        }
    }

    /// What a free axis most likely is: of four or five axes the second or the last one counts channels, the first images,
    /// the others pixels.
    private static func likely(_ dimensions: [Dimension], _ axis: Int) -> Int {
        guard (4...5).contains(dimensions.count), axis > 0 else { return 1 }
        let isChannelLast = dimensions[1].value == nil && dimensions[dimensions.count - 1].value != nil
        let channels = isChannelLast ? dimensions.count - 1 : 1
        return axis == channels ? 3 : dimensions.count == 4 ? 224 : 32
    }

    /// Seeded random values of these shapes for the inputs of `model`, but for those that `given` holds.
    public func randomInputs(
        for model: Model, seed: UInt64, given: [String: Value] = [:]
    ) throws(PlanError) -> [String: Value] {
        var values = given
        for (name, type) in model.inputs where values[name] == nil {
            guard let elementType = type.elementType, let shape = shapes[name] else {
                throw .missingInput(name: name, type: type)
            }
            do throws(ShapeError) {
                values[name] = .tensor(try Tensor(random: elementType, shape: shape, seed: seed, name: name))
            } catch {
                throw .shape(error)
            }
        }
        return values
    }
}

extension InputShapes.Assumption: CustomStringConvertible {
    public var description: String {
        "\(dimension ?? "axis \(axis)") of \"\(input)\" is taken for \(extent)"
    }
}
