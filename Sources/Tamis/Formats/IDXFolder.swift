import Glibc

/// A folder of idx files as MNIST and its kin come: images and labels to train with, images and labels to test with.
///
///     let folder = try IDXFolder.fashionMNIST()
///     let training = try folder.dataset(.training)
///
/// The files are known by their names, compressed by gzip or not: `…train-images…`, `…train-labels…`, and the same with
/// `t10k` or `test` in the place of `train`.
public struct IDXFolder: Sendable {
    /// One half of a data set.
    public enum Part: Sendable, Hashable {
        case training
        case test

        fileprivate var names: [String] { self == .training ? ["train"] : ["t10k", "test"] }
    }

    /// Where the folder is.
    public let path: String
    /// What each class is called; empty where nobody has said.
    public var classNames: [String]

    /// A folder that is there.
    public init(_ path: String, classNames: [String] = []) throws(ImportError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw Self.noFolder(path, SystemCall.reason)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw Self.noFolder(path, "something else")
        }
        self.path = path
        self.classNames = classNames
    }

    /// Fashion-MNIST where Debian's package dataset-fashion-mnist puts it: 60,000 and 10,000 images of 28 × 28 in ten
    /// classes.
    public static func fashionMNIST(
        _ path: String = "/usr/share/datasets/fashion-mnist"
    ) throws(ImportError) -> IDXFolder {
        guard access(path, F_OK) == 0 else {
            throw .inFile(
                path,
                .malformed(
                    rule: "Fashion-MNIST must be installed: apt-get install dataset-fashion-mnist",
                    received: SystemCall.reason, offset: nil))
        }
        return try IDXFolder(
            path,
            classNames: [
                "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                "Ankle boot",
            ])
    }

    /// The images as float32, count × height × width × channels, bytes divided by 255; the labels as int64.
    public func dataset(_ part: Part, limits: Limits = Limits()) throws(ImportError) -> Dataset {
        let imagesPath = try file(part, "images")
        let labelsPath = try file(part, "labels")
        let labels = try Tensor(idx: labelsPath, limits: limits)
        let images = try Self.scaled(try Tensor(idx: imagesPath, limits: limits), path: imagesPath, limits: limits)
        do throws(TrainingError) {
            return try Dataset(inputs: images, labels: labels)
        } catch {
            throw .inFile(
                labelsPath,
                .malformed(
                    rule: "there must be one integer label an image, and one image or more",
                    received: "images \(images.shape), labels \(labels.elementType) \(labels.shape)", offset: nil))
        }
    }

    /// The only file of its kind; of a file and its compressed twin, the file.
    private func file(_ part: Part, _ what: String) throws(ImportError) -> String {
        let names = try names()
        let wanted = part.names.map { "\($0)-\(what)" }
        let found = names.filter { name in wanted.contains { name.contains($0) } }
        let candidates = found.filter { name in !name.hasSuffix(".gz") || !found.contains(String(name.dropLast(3))) }
        guard let name = candidates.first, candidates.count == 1 else {
            let pattern = wanted.map { "*\($0)*" }.joined(separator: " or ")
            throw .inFile(
                path,
                .malformed(
                    rule: "the folder must hold one file named \(pattern)",
                    received: candidates.isEmpty ? "none" : candidates.joined(separator: ", "), offset: nil))
        }
        return path.hasSuffix("/") ? path + name : "\(path)/\(name)"
    }

    private static func noFolder(_ path: String, _ received: String) -> ImportError {
        .inFile(path, .malformed(rule: "a folder of idx files must be here", received: received, offset: nil))
    }

    private func names() throws(ImportError) -> [String] {
        guard let folder = opendir(path) else { throw Self.noFolder(path, SystemCall.reason) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            // A data set has a handful of files: a folder of millions is none.
            guard names.count < 10_000 else {
                throw .inFile(
                    path, .limit("the files of a data set's folder", limit: 10_000, received: names.count + 1))
            }
            names.append(name)
        }
        return names.sorted()
    }

    /// Images as networks take them.
    private static func scaled(_ images: Tensor, path: String, limits: Limits) throws(ImportError) -> Tensor {
        var dimensions = images.shape.dimensions
        guard (3...4).contains(dimensions.count), images.elementType == .uint8 || images.elementType == .float32,
            !dimensions.dropFirst().contains(0)
        else {
            throw .inFile(
                path,
                .malformed(
                    rule: "images must be uint8 or float32, count × height × width, with or without channels",
                    received: "\(images.elementType) \(images.shape)", offset: nil))
        }
        if dimensions.count == 3 { dimensions.append(1) }
        let shape = try limits.shape(dimensions, of: .float32, place: path)
        do throws(ShapeError) {
            if images.elementType == .float32 { return try images.reshaped(to: dimensions) }
            let levels = (0...255).map { Float($0) / 255 }
            let result = try Tensor(uninitialized: .float32, shape: shape)
            let target = result.storage.base.bindMemory(to: Float.self, capacity: shape.elementCount)
            images.withUnsafeBytes { source in
                for (index, byte) in source.enumerated() { target[index] = levels[Int(byte)] }
            }
            return result
        } catch {
            throw .inFile(path, .shape(error, place: "the images"))
        }
    }
}

extension IDXFolder.Part: CustomStringConvertible {
    public var description: String { self == .training ? "training" : "test" }
}
