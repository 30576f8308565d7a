extension Limits {
    /// The shape of a tensor that a file announces, known to keep to the limits. To be asked before memory is.
    func shape(
        _ dimensions: [Int], of elementType: ElementType, place: String
    ) throws(ImportError) -> Shape {
        guard dimensions.count <= rank else {
            throw .limit("the rank of \(place)", limit: rank, received: dimensions.count)
        }
        let shape = try ImportError.at(place) { () throws(ShapeError) in try Shape(dimensions) }
        // An element of a tensor of strings takes a `String`, however short it is.
        let bytes =
            elementType == .string
            ? shape.elementCount * MemoryLayout<String>.stride : elementType.byteCount(of: shape.elementCount)
        guard let bytes else { throw .shape(.tooManyElements(dimensions), place: place) }
        guard bytes <= tensorBytes else {
            throw .limit("the bytes of \(place)", limit: tensorBytes, received: bytes)
        }
        return shape
    }
}
